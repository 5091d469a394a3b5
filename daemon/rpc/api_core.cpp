#include "daemon/rpc/api_core.h"

namespace pulsed::rpc {

ApiCore::ApiCore(const Options& the_options, const Site& the_site)
    : options(the_options),
      site(the_site),
      audit(std::make_shared<Audit>(site.audit)),
      desk(site.snapshots, site.details, options.patience),
      changes(std::make_shared<ChangeLine>(site.revisions, options.change_limit)),
      watches(options.watches, options.watches_per_caller),
      answer_bytes(options.answer_bytes, options.answer_bytes_per_caller),
      events("pulsed-api-evts",
             [this, last = std::uint64_t{0}](std::chrono::milliseconds longest) mutable {
               if (site.events.wait(last, longest)) last = site.events.last();
             }),
      policies("pulsed-api-pols",
               [this, last = std::uint64_t{0}](std::chrono::milliseconds longest) mutable {
                 if (site.revisions.wait(last, longest)) last = site.revisions.current()->number;
                 changes->look_at(ChangeLine::Clock::now());
               }) {}

}  // namespace pulsed::rpc
