// What gRPC and protobuf would write to stderr, as often as a peer can make them.
#pragma once

#include <functional>
#include <string>

namespace pulsed::rpc {

// A bounded number of lines goes to `warn` instead, which outlives the next call of this; null: nothing goes anywhere.
void redirect_library_logs(const std::function<void(const std::string&)>* warn);

}  // namespace pulsed::rpc
