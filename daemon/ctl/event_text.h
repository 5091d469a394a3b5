// One event in one line.
#pragma once

#include <string>

#include "daemon/ctl/output/format.h"
#include "pulsed/v1/monitor.pb.h"

namespace pulsed::ctl {

// "2024-05-17 12:03:01.042  shop[4711]  checkout/pay: task 17.2 warn -> isolate, emergency, poll used 5.02ms (shadow)"
[[nodiscard]] std::string event_line(const v1::Event& event, const Terminal& terminal);

// The class it is about; empty: none, or tasks without a class.
[[nodiscard]] std::string class_of(const v1::Event& event);
// Whether it is about a class at all.
[[nodiscard]] bool has_class(const v1::Event& event);

}  // namespace pulsed::ctl
