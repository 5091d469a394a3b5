// A text in the user's editor, by way of a temporary file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pulsed::ctl {

// A file of its own (0600) that goes with it, unless it is kept.
class EditedFile {
 public:
  explicit EditedFile(std::string_view text);  // throws Failed
  ~EditedFile();
  EditedFile(const EditedFile&) = delete;
  EditedFile& operator=(const EditedFile&) = delete;

  // $VISUAL, $EDITOR or vi, on the terminal. Throws Failed when it cannot be run or says that it failed.
  void edit() const;
  [[nodiscard]] std::string text() const;  // throws Failed
  // False also where it cannot be read.
  [[nodiscard]] bool differs_from(std::string_view text) const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

}  // namespace pulsed::ctl
