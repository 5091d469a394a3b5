#include "daemon/policy/match.h"

#include "daemon/policy/glob.h"

namespace pulsed::policy {
namespace {

// What is left out is any.
std::string_view glob(const std::string& text) {
  return text.empty() ? std::string_view("*") : text;
}

bool any(const std::string& text) { return text.find_first_not_of('*') == text.npos; }

}  // namespace

bool holds_for(const Match& match, const Subject& subject) {
  return (!match.uid || match.uid == subject.uid) &&
         glob_match(glob(match.service), subject.service) &&
         glob_match(glob(match.task_class), subject.task_class);
}

bool holds_for_all(const Match& match) {
  return !match.uid && any(match.service) && any(match.task_class);
}

bool covers(const Match& wide, const Match& narrow) {
  return (!wide.uid || wide.uid == narrow.uid) &&
         glob_covers(glob(wide.service), glob(narrow.service)) &&
         glob_covers(glob(wide.task_class), glob(narrow.task_class));
}

bool overlap(const Match& a, const Match& b) {
  return (!a.uid || !b.uid || a.uid == b.uid) && globs_overlap(glob(a.service), glob(b.service)) &&
         globs_overlap(glob(a.task_class), glob(b.task_class));
}

}  // namespace pulsed::policy
