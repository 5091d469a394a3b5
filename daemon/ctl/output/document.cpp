#include "daemon/ctl/output/document.h"

namespace pulsed::ctl {
namespace {

// Texts stand in double quotes: JSON's are YAML's, so nothing of them can be taken for something else.
void write_yaml(const Document& value, std::size_t indent, std::string& out) {
  if (!value.is_structured() || value.empty()) {
    out += " " + value.dump() + "\n";
    return;
  }
  out += "\n";
  const std::string margin(indent, ' ');
  for (const auto& [key, item] : value.items()) {
    out += margin + (value.is_object() ? key + ":" : "-");
    write_yaml(item, indent + 2, out);
  }
}

}  // namespace

std::string document_text(const Document& document, Format format) {
  if (format == Format::kJson) return document.dump(1) + "\n";
  std::string out;
  write_yaml(document, 0, out);
  return out.substr(1);  // the rest of the line that the outermost value would begin on
}

}  // namespace pulsed::ctl
