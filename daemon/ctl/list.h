// What the commands that list something share.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>

#include "daemon/ctl/output/message_text.h"
#include "daemon/ctl/output/table.h"
#include "daemon/ctl/program.h"

namespace pulsed::ctl {

// --service and --class.
enum class FilterBy : std::uint8_t { kService, kServiceAndClass };
void add_filter(CLI::App& command, v1::Filter& filter, FilterBy by);

// By `before`, in every output format alike; equal ones stay as the daemon has them.
template <typename Record, typename Before>
void sort_records(google::protobuf::RepeatedPtrField<Record>& records, Before before) {
  std::stable_sort(records.pointer_begin(), records.pointer_end(),
                   [&](const Record* a, const Record* b) { return before(*a, *b); });
}

template <typename Response, typename TableOf>
void print_list(const Program& program, const Response& response, TableOf table_of) {
  const Format format = program.format();
  if (format == Format::kTable) {
    std::cout << table_of(response).text(program.terminal());
  } else {
    std::cout << message_text(response, format);
  }
}

}  // namespace pulsed::ctl
