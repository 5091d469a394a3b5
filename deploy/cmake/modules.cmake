# The build in the project's own words: a module is a folder, a test is an executable of doctest cases.

# pulsed_module(name SOURCES files... USES targets...): a static library of one folder. What it USES is all it may
# include; tests/include_arrows holds it to that.
function(pulsed_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${arg_USES})
endfunction()

# pulsed_program(name SOURCES files... USES targets...): an executable in build/bin.
function(pulsed_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_USES})
endfunction()

# pulsed_test(area LABELS labels... TIMEOUT seconds SOURCES files... USES targets... PROGRAMS targets...)
# One executable per area of the tree. CTest runs every doctest case by itself, as `area:case`. PROGRAMS are built
# first and found by the test in PULSED_BIN_DIR.
function(pulsed_test area)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "LABELS;SOURCES;USES;PROGRAMS")
  string(REPLACE "/" "_" name ${area})
  set(name ${name}_test)
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin/tests)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_USES} pulsed_doctest_main)
  target_compile_definitions(${name} PRIVATE PULSED_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
                                             PULSED_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_dependencies(pulsed_tests ${name})
  if(arg_PROGRAMS)
    add_dependencies(${name} ${arg_PROGRAMS})
  endif()
  if("tsan" IN_LIST arg_LABELS)
    add_dependencies(pulsed_tsan_tests ${name})
  endif()

  doctest_discover_tests(${name} TEST_PREFIX "${area}:")
  # doctest_discover_tests takes one label at most, so labels and limits are set where CTest reads its test list.
  # A name that doctest does not find again runs no case: that is a failure too.
  set(limits ${CMAKE_CURRENT_BINARY_DIR}/${name}_limits.cmake)
  file(WRITE ${limits} "if(${name}_TESTS)\n"
    "  set_tests_properties(\${${name}_TESTS} PROPERTIES LABELS \"${arg_LABELS}\" TIMEOUT ${arg_TIMEOUT}"
    " RUN_SERIAL \"${arg_SERIAL}\" FAIL_REGULAR_EXPRESSION \"test cases: +0 \")\n"
    "endif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${limits})
endfunction()
