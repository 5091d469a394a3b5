#include "daemon/rpc/unknown_fields.h"

#include <google/protobuf/unknown_field_set.h>

#include <string>
#include <vector>

namespace pulsed::rpc {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void find_unknown_fields(const Message& message, const FieldPath& path) {
  const Reflection* reflection = message.GetReflection();
  const auto& unknown = reflection->GetUnknownFields(message);
  if (!unknown.empty()) {
    path.fault("has a field of number " + std::to_string(unknown.field(0).number()) +
               ", which this pulsed does not know; is it older than the client?");
  }
  std::vector<const FieldDescriptor*> set;
  reflection->ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const FieldPath at = path.of(field->name());
    if (!field->is_repeated()) {
      find_unknown_fields(reflection->GetMessage(message, field), at);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      find_unknown_fields(reflection->GetRepeatedMessage(message, field, i),
                          at.at(static_cast<std::size_t>(i)));
    }
  }
}

}  // namespace pulsed::rpc
