#include "daemon/version.h"

#include <pulsed_git_revision.h>  // generated

namespace pulsed {

std::string_view version() { return PULSED_VERSION; }
std::string_view git_revision() { return PULSED_GIT_REVISION; }

std::string version_text() {
  return std::string(version()) + " (" + std::string(git_revision()) + ")";
}

}  // namespace pulsed
