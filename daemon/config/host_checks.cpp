// The judgements of check.h over what was found on the machine.
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <system_error>
#include <utility>

#include "daemon/config/check.h"

namespace pulsed::config {
namespace {

std::string message(Errno error) { return std::generic_category().message(error); }

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

Check judge_directory(std::string name, const DirectoryFacts& d, uid_t uid) {
  const std::string path = d.path.string();
  const auto fail = [&](const std::string& found, std::string mend) {
    return Check{name, Verdict::kFail, path + " " + found, std::move(mend)};
  };
  if (!d.exists && d.usable) return {std::move(name), Verdict::kOk, path + " will be created", {}};
  const std::string elsewhere = "; or name another with " + std::string("--") +
                                (name == "run directory" ? "run-dir" : "state-dir");
  const std::string user = std::to_string(uid);
  if (!d.exists) {
    return fail("cannot be created: " + d.parent.string() + " may not be written",
                "install -d -o " + user + " " + path + " (as root)" + elsewhere);
  }
  if (!d.is_directory) return fail("is not a directory", "move it away" + elsewhere);
  if (d.owner != uid) {
    return fail("belongs to uid " + std::to_string(d.owner) + ", and we are " + user,
                "chown " + user + " " + path + " (as root)" + elsewhere);
  }
  if (!d.usable) return fail("may not be written", "chmod u+rwx " + path + elsewhere);
  if ((d.mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail("may be written by other users (mode " + octal(d.mode) + ")", "chmod go-w " + path);
  }
  return {std::move(name), Verdict::kOk, path, {}};
}

Check judge_socket(const HostFacts& f) {
  Check check{"attach socket", Verdict::kOk, {}, {}};
  switch (f.attach_socket) {
    case AttachSocket::kNone:
      check.found = "free";
      break;
    case AttachSocket::kStale:
      check.found = "left by a pulsed that is gone; it will be replaced";
      break;
    case AttachSocket::kServed:
      check.found = "served by a running pulsed";
      if (f.attach_pid > 0) check.found += " (pid " + std::to_string(f.attach_pid) + ")";
      check.found += "; a second one will be refused";
      break;
    case AttachSocket::kUnusable:
      check = {check.name, Verdict::kFail, "something there cannot be connected to",
               "move attach.sock away, or name another directory with --run-dir"};
      break;
  }
  return check;
}

Check judge_priority(const HostFacts& f) {
  const std::string name = "loop priority";
  if (f.nice == 0) return {name, Verdict::kOk, "nice -20 is allowed", {}};
  if (f.fifo == 0) return {name, Verdict::kOk, "SCHED_FIFO is allowed", {}};
  return {name, Verdict::kWarn,
          "neither nice -20 (" + message(f.nice) +
              ") nor SCHED_FIFO: beside busy services the loop wakes late",
          "run as root, or give CAP_SYS_NICE (systemd: AmbientCapabilities=CAP_SYS_NICE)"};
}

// The guardian that undoes demotions needs nothing more: it is a child of ours and has our rights.
Check judge_demotion(const HostFacts& f) {
  const std::string name = "demotion";
  if (f.demotion == 0) {
    return {name, Verdict::kOk, "threads can be lowered, and raised again", {}};
  }
  std::string found = "a lowered thread could not be raised again (" + message(f.demotion) +
                      "), so none is lowered; all else is done";
  if (f.sys_nice) {
    return {name, Verdict::kWarn, found,
            "CAP_SYS_NICE is there, but only in this user namespace, or seccomp forbids "
            "sched_setattr: run pulsed in the host's user namespace, and allow that call"};
  }
  if (f.nice == 0 || f.fifo == 0) {
    found += ". RLIMIT_NICE and RLIMIT_RTPRIO, which the loop makes do with, are not enough";
  }
  return {name, Verdict::kWarn, found,
          "run as root, or give CAP_SYS_NICE (systemd: AmbientCapabilities=CAP_SYS_NICE; docker: "
          "--cap-add SYS_NICE; by hand: setcap cap_sys_nice+ep on the binary)"};
}

Check judge_run_times(const HostFacts& f) {
  const std::string name = "exact run times";
  if (f.task_clock != 0) {
    std::string found = "no task clock in flight (" + message(f.task_clock);
    if (f.perf_event_paranoid) {
      found += "; perf_event_paranoid is " + std::to_string(*f.perf_event_paranoid);
    }
    return {name, Verdict::kWarn, found + "): services are asked for their threads' clocks",
            "give CAP_PERFMON, or sysctl kernel.perf_event_paranoid=1"};
  }
  if (f.perfmon) return {name, Verdict::kOk, "task clocks of every service", {}};
  return {name, Verdict::kOk, "task clocks of services of uid " + std::to_string(f.uid), {}};
}

Check judge_clock(const HostFacts& f) {
  if (f.tsc) return {"timestamps", Verdict::kOk, "invariant TSC", {}};
  return {
      "timestamps", Verdict::kWarn,
      "no TSC (" + f.tsc_why + "): each poll pays for two calls of clock_gettime",
      "see /sys/devices/system/clocksource/clocksource0/current_clocksource; ask the hypervisor "
      "for an invariant TSC"};
}

Check judge_descriptors(const HostFacts& f, const Limits& limits) {
  // A socket, a pidfd and two segments a service, task clocks of a few suspects, and our own.
  const std::uint64_t wanted = 16ULL * limits.services + 256;
  const std::string limit = std::to_string(f.descriptors);
  if (f.descriptors >= wanted) return {"open files", Verdict::kOk, "up to " + limit, {}};
  return {"open files", Verdict::kWarn,
          "up to " + limit + ", and " + std::to_string(limits.services) + " services may need " +
              std::to_string(wanted),
          "ulimit -Hn " + std::to_string(wanted) +
              " (systemd: LimitNOFILE=" + std::to_string(wanted) + "), or lower limits.services"};
}

Check needed(std::string name, Errno error, std::string mend) {
  if (error == 0) return {std::move(name), Verdict::kOk, "works", {}};
  return {std::move(name), Verdict::kFail, message(error), std::move(mend)};
}

Check judge_peer(const HostFacts& f) {
  if (f.peer_pidfd == 0) return {"SO_PEERPIDFD", Verdict::kOk, "works", {}};
  return {"SO_PEERPIDFD",
          Verdict::kOk,
          "not in this kernel; pidfd_open with a second look instead",
          {}};
}

Check judge_rseq(const HostFacts& f) {
  if (f.rseq) return {"rseq", Verdict::kOk, "registered by glibc", {}};
  return {"rseq", Verdict::kWarn, "not registered: no poll is known to have run without a break",
          "glibc 2.35 or later, without GLIBC_TUNABLES=glibc.pthread.rseq=0"};
}

}  // namespace

std::vector<Check> judge_host(const HostFacts& f, const Limits& limits) {
  return {
      judge_directory("run directory", f.run_dir, f.uid),
      judge_directory("state directory", f.state_dir, f.uid),
      judge_socket(f),
      judge_priority(f),
      judge_demotion(f),
      judge_run_times(f),
      judge_clock(f),
      needed("sealed memory", f.future_write_seal,
             "Linux 5.1 or later, and memfd_create allowed by the container's seccomp profile"),
      needed("pidfd_open", f.pidfd_open,
             "Linux 5.3 or later, and pidfd_open allowed by the container's seccomp profile"),
      judge_peer(f),
      judge_rseq(f),
      judge_descriptors(f, limits),
  };
}

}  // namespace pulsed::config
