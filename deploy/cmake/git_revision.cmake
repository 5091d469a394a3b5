# cmake -DSOURCE_DIR=... -DHEADER=... -P git_revision.cmake: writes the commit of the tree into a header, and touches the
# header only when the commit is another. No lock is taken: a build must not stand in the way of git.
cmake_minimum_required(VERSION 3.25)

set(revision unknown)
find_program(GIT git)
if(GIT)
  execute_process(
    COMMAND ${GIT} --no-optional-locks describe --always --dirty --abbrev=12 --match=
    WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
    RESULT_VARIABLE failed)
  if(NOT failed AND described)
    set(revision ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define PULSED_GIT_REVISION \"@revision@\"\n" @ONLY)
