#include "deploy/demo/text.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace pulsed::demo {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> regular_files(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code unreadable;
    if (!it->is_symlink(unreadable) && it->is_regular_file(unreadable)) files.push_back(it->path());
  }
  if (error) {
    throw std::runtime_error("cannot read the text folder " + folder.string() + ": " +
                             error.message() + "; name another with --text");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string read_text(const fs::path& folder) {
  std::string text;
  for (const fs::path& file : regular_files(folder)) {
    std::ifstream in(file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    if (content.find('\0') != std::string::npos) continue;
    if (text.size() + content.size() + 2 > kMaxTextBytes) break;
    text.append(content).append("\n\n");
  }
  if (text.size() < kMinTextBytes) {
    throw std::runtime_error("the text folder " + folder.string() + " holds " +
                             std::to_string(text.size()) + " bytes of text, and the demo needs " +
                             std::to_string(kMinTextBytes) + "; name another with --text");
  }
  return text;
}

}  // namespace pulsed::demo
