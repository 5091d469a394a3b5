#include "daemon/ctl/output/document.h"

#include "daemon/ctl/output/printable.h"

namespace pulsed::ctl {
namespace {

// What is not UTF-8, such as the name of a file, is replaced.
std::string dumped(const Document& value, int indent = -1) {
  return escaped_json(value.dump(indent, ' ', false, Document::error_handler_t::replace));
}

// Texts stand in double quotes: JSON's are YAML's, so nothing of them can be taken for something else.
void write_yaml(const Document& value, std::size_t indent, std::string& out) {
  if (!value.is_structured() || value.empty()) {
    out += " " + dumped(value) + "\n";
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
  if (format == Format::kJson) return dumped(document, 1) + "\n";
  std::string out;
  write_yaml(document, 0, out);
  return out.substr(1);  // the rest of the line that the outermost value would begin on
}

}  // namespace pulsed::ctl
