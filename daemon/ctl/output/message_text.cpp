#include "daemon/ctl/output/message_text.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pulsed::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string printed(const google::protobuf::Message& message, Unset unset, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = unset == Unset::kShown;
  options.add_whitespace = indented;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) throw std::runtime_error("cannot print the answer: " + status.ToString());
  return text;
}

// Texts in double quotes: JSON's are YAML's, so nothing of them can be taken for something else.
void write_yaml(const Json& value, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  const bool nested = (value.is_object() || value.is_array()) && !value.empty();
  if (!nested) {
    out += " " + value.dump() + "\n";
    return;
  }
  out += "\n";
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      out += margin + key + ":";
      write_yaml(item, indent + 2, out);
    }
    return;
  }
  for (const Json& item : value) {
    out += margin + "-";
    write_yaml(item, indent + 2, out);
  }
}

}  // namespace

std::string json_line(const google::protobuf::Message& message, Unset unset) {
  return printed(message, unset, false);
}

std::string json(const google::protobuf::Message& message, Unset unset) {
  return printed(message, unset, true);
}

std::string yaml(const google::protobuf::Message& message, Unset unset) {
  const Json value = Json::parse(printed(message, unset, false));
  if (value.empty()) return "{}\n";
  std::string out;
  write_yaml(value, 0, out);
  return out.substr(1);  // the line the outermost value begins on
}

std::string message_text(const google::protobuf::Message& message, Format format, Unset unset) {
  return format == Format::kJson ? json(message, unset) : yaml(message, unset);
}

}  // namespace pulsed::ctl
