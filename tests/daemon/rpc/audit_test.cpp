#include "daemon/rpc/audit.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "daemon/rpc/policy_change.h"

namespace pulsed::rpc {
namespace {

std::vector<FieldFault> faults_of(const std::string& comment) {
  std::vector<FieldFault> faults;
  check_comment(comment, FieldPath("comment", faults));
  return faults;
}

TEST_CASE("what would begin a line of its own or move a terminal's cursor is escaped, all of it") {
  CHECK(in_quotes("two\nlines\r\t\x1b[2J") == R"("two\nlines\x0d\x09\x1b[2J")");
  CHECK(in_quotes(R"(a "quote" and a \)") == R"("a \"quote\" and a \\")");
  // A control character of two bytes: a terminal that knows no UTF-8 would obey its second one alone.
  CHECK(in_quotes("\xC2\x9B"
                  "2J") == R"("\xc2\x9b2J")");
  // The end of a line, and right to left from here, by Unicode.
  CHECK(in_quotes("\u2028\u202E") == R"("\xe2\x80\xa8\xe2\x80\xae")");
  CHECK(in_quotes("\u2066") == R"("\xe2\x81\xa6")");
}

TEST_CASE("letters of any language stand as they are, and what is no text is shown in hex") {
  CHECK(in_quotes("für 東京 – ok") == "\"für 東京 – ok\"");
  CHECK(in_quotes("\xFF\xC2") == R"("\xff\xc2")");
}

TEST_CASE("a long text is cut between two letters") {
  std::string text = "x";
  while (text.size() < 3000) text += "ü";
  const std::string quoted = in_quotes(text);
  CHECK(quoted.size() < 1040);
  CHECK(quoted.ends_with("ü...\""));
}

TEST_CASE("a comment has no control characters but tabs and ends of lines") {
  CHECK(faults_of("für 東京\n\tand more").empty());
  CHECK(faults_of("\x1b[2J").size() == 1);
  CHECK(faults_of("\xC2\x9B"
                  "2J")
            .size() == 1);
}

TEST_CASE("every change of those with the right is written, of the others so many a second") {
  std::vector<std::string> lines;
  Audit audit([&](const std::string& line) { lines.push_back(line); });
  const Caller admin{.who = "uid 0", .may_change = true};
  for (int i = 0; i < 100; ++i)
    audit.note(admin, "Update", "for the sale", grpc::Status::OK, "revision 2");
  CHECK(lines.size() == 100);
  CHECK(lines.back() == R"(uid 0: Update, "for the sale": revision 2)");
  const grpc::Status refused(grpc::StatusCode::PERMISSION_DENIED, "no\nright");
  for (int i = 0; i < 1000; ++i) audit.note({.who = "uid 7"}, "Update", "", refused);
  CHECK(lines.size() > 100);
  CHECK(lines.size() < 300);
  CHECK(lines.at(100) == R"(uid 7: Update: PERMISSION_DENIED: no\nright)");
}

}  // namespace
}  // namespace pulsed::rpc
