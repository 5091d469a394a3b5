#include "daemon/ctl/output/message_text.h"

#include <google/protobuf/util/json_util.h>

#include <stdexcept>

#include "daemon/ctl/output/document.h"
#include "daemon/ctl/output/printable.h"

namespace pulsed::ctl {

std::string json_line(const google::protobuf::Message& message, Unset unset) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = unset == Unset::kShown;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) throw std::runtime_error("cannot print the answer: " + status.ToString());
  return escaped_json(text);
}

std::string message_text(const google::protobuf::Message& message, Format format, Unset unset) {
  return document_text(Document::parse(json_line(message, unset)), format);
}

}  // namespace pulsed::ctl
