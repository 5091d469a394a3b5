#include "daemon/config/config_yaml.h"

#include <bit>
#include <limits>
#include <utility>

#include "daemon/config/strict_yaml.h"

namespace pulsed::config {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

using CountRange = Range<std::uint32_t>;
using DurationRange = Range<Duration>;

// One map of the file: each `set` leaves its target alone when the key is missing or wrong.
class Section {
 public:
  Section(const YamlNode& node, std::string_view name, Diagnostics& diagnostics)
      : map_(node, name, diagnostics), diagnostics_(diagnostics) {}
  ~Section() { map_.finish(); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  const YamlNode* take(std::string_view key) { return map_.take(key); }

  // `read_value(Field)` gives an optional value.
  template <typename T, typename Read>
  const YamlNode* set(std::string_view key, T& target, Read read_value) {
    const YamlNode* node = map_.take(key);
    if (node == nullptr) return nullptr;
    if (auto value = read_value(Field{*node, key, diagnostics_})) target = std::move(*value);
    return node;
  }

  template <typename T>
  const YamlNode* set(std::string_view key, T& target, const Range<T>& range) {
    return set(key, target, [&](const Field& field) { return read(field, range); });
  }

  template <typename Enum, std::size_t N>
  void set_choice(std::string_view key, Enum& target,
                  const std::array<std::string_view, N>& names) {
    set(key, target, [&](const Field& field) -> std::optional<Enum> {
      const auto choice = read_choice(field, names);
      if (!choice) return {};
      return static_cast<Enum>(*choice);
    });
  }

  const YamlNode* set_path(std::string_view key, std::filesystem::path& target,
                           std::size_t longest) {
    return set(key, target, [&](const Field& field) -> std::optional<std::filesystem::path> {
      const auto found = read_text(field, kLongestPath);
      if (!found) return {};
      auto path = read_path(*found, longest);
      if (!path) field.fault(path.fault);
      return path.value;
    });
  }

 private:
  MapReader map_;
  Diagnostics& diagnostics_;
};

void read_limits(const YamlNode& node, Limits& limits, Diagnostics& diagnostics) {
  Section section(node, "`limits`", diagnostics);
  section.set("services", limits.services, CountRange{1, 65'536});
  section.set("services_per_uid", limits.services_per_uid, CountRange{1, 65'536});
  section.set("workers", limits.workers, CountRange{1, PULSED_MAX_WORKERS});
  const YamlNode* ring =
      section.set("ring_samples", limits.ring_samples, CountRange{64, PULSED_MAX_RING});
  if (ring != nullptr && !std::has_single_bit(limits.ring_samples)) {
    const std::uint32_t next = std::bit_ceil(limits.ring_samples);
    Field{*ring, "ring_samples", diagnostics}.fault(
        "`" + std::to_string(limits.ring_samples) + "` is not a power of two; write " +
        std::to_string(next / 2) + " or " + std::to_string(next));
  }
  section.set("tasks", limits.tasks, CountRange{2, PULSED_MAX_TASKS});
  section.set("classes", limits.classes, CountRange{1, PULSED_MAX_CLASSES});
  section.set("segment_bytes_per_uid", limits.segment_bytes_per_uid, [](const Field& field) {
    return read_bytes(field, {1ULL << 20, 1ULL << 44});
  });
}

std::optional<std::vector<std::uint32_t>> read_uids(const Field& field) {
  constexpr std::size_t kMost = 1024;
  // The last uid is the kernel's "no uid".
  constexpr CountRange kUids{0, std::numeric_limits<std::uint32_t>::max() - 1};
  const std::vector<YamlNode>* items = read_list(field);
  if (items == nullptr) return {};
  if (items->size() > kMost) {
    field.fault("has more than " + std::to_string(kMost) + " uids");
    return {};
  }
  std::vector<std::uint32_t> uids;
  for (const YamlNode& item : *items) {
    const auto uid = read(Field{item, field.name, field.diagnostics}, kUids);
    if (uid) uids.push_back(*uid);
  }
  return uids;
}

void read_attach(const YamlNode& node, Attach& attach, Diagnostics& diagnostics) {
  Section section(node, "`attach`", diagnostics);
  section.set("allow_uids", attach.allow_uids, read_uids);
}

constexpr std::size_t kMostAdmins = 1024;
constexpr std::size_t kLongestCommonName = 64;  // as X.520 bounds it

std::optional<std::vector<std::string>> read_common_names(const Field& field) {
  const std::vector<YamlNode>* items = read_list(field);
  if (items == nullptr) return {};
  if (items->size() > kMostAdmins) {
    field.fault("has more than " + std::to_string(kMostAdmins) + " names");
    return {};
  }
  std::vector<std::string> names;
  for (const YamlNode& item : *items) {
    auto name = read_text(Field{item, field.name, field.diagnostics}, kLongestCommonName);
    if (name) names.push_back(*std::move(name));
  }
  return names;
}

Api::Tls read_tls(const YamlNode& node, Diagnostics& diagnostics) {
  Api::Tls tls;
  Section section(node, "`tls`", diagnostics);
  const auto set = [&](std::string_view key, std::filesystem::path& path) {
    if (section.set_path(key, path, kLongestPath) != nullptr) return;
    diagnostics.add(node.at, "`tls` needs `" + std::string(key) + "`");
  };
  set("certificate", tls.certificate);
  set("key", tls.key);
  set("client_ca", tls.client_ca);
  return tls;
}

// What would be without effect, or open to others, is refused.
void check_api(const Api& api, const YamlNode& tcp, Diagnostics& diagnostics) {
  if (api.tcp && !api.tls && !is_loopback(*api.tcp)) {
    diagnostics.add(tcp.at, "`tcp` " + http_text(api.tcp) +
                                " is open to other machines, so it needs `tls`; or use 127.0.0.1");
  }
}

void read_api(const YamlNode& node, Api& api, Diagnostics& diagnostics) {
  Section section(node, "`api`", diagnostics);
  section.set("admin_uids", api.admin_uids, read_uids);
  const YamlNode* tcp =
      section.set("tcp", api.tcp, [](const Field& field) -> std::optional<decltype(api.tcp)> {
        const auto found = read_text(field, kLongestPath);
        if (!found) return {};
        auto address = read_address(*found, "127.0.0.1:10858");
        if (!address) field.fault(address.fault);
        return address.value;
      });
  const YamlNode* tls = section.take("tls");
  if (tls != nullptr) api.tls = read_tls(*tls, diagnostics);
  const YamlNode* admins = section.set("admins", api.admins, read_common_names);
  if (tcp != nullptr) check_api(api, *tcp, diagnostics);
  if (tls != nullptr && !api.tcp && diagnostics.clean()) {
    diagnostics.add(tls->at, "`tls` has no effect without `tcp`");
  }
  if (admins != nullptr && !api.admins.empty() && !api.tls) {
    diagnostics.add(admins->at, "`admins` are names of certificates: they need `tls`");
  }
}

// Which of two keys the file gave, for an error about both: the later one, else the map itself.
Position place(const YamlNode* a, const YamlNode* b, const YamlNode& map) {
  if (a == nullptr && b == nullptr) return map.at;
  if (a == nullptr) return b->at;
  return b == nullptr ? a->at : std::max(a->at, b->at);
}

void read_loop(const YamlNode& node, Loop& loop, Diagnostics& diagnostics) {
  Section section(node, "`loop`", diagnostics);
  const YamlNode* tick =
      section.set("tick", loop.tick, DurationRange{microseconds{100}, milliseconds{100}});
  const YamlNode* rest =
      section.set("rest_tick", loop.rest_tick, DurationRange{milliseconds{1}, seconds{1}});
  const YamlNode* near = section.set("near_budget_tick", loop.near_budget_tick,
                                     DurationRange{microseconds{20}, milliseconds{100}});
  section.set_choice("priority", loop.priority, kLoopPriorityNames);
  if (loop.rest_tick < loop.tick) {
    diagnostics.add(place(tick, rest, node), "`rest_tick` " + duration_text(loop.rest_tick) +
                                                 " is below `tick` " + duration_text(loop.tick));
  }
  if (loop.near_budget_tick > loop.tick) {
    diagnostics.add(place(tick, near, node), "`near_budget_tick` " +
                                                 duration_text(loop.near_budget_tick) +
                                                 " is above `tick` " + duration_text(loop.tick));
  }
}

void read_series(const YamlNode& node, Series& series, Diagnostics& diagnostics) {
  Section section(node, "`series`", diagnostics);
  section.set("label_values", series.label_values, CountRange{1, 10'000});
  section.set("classes_per_service", series.classes_per_service, CountRange{1, 4'096});
  section.set("classes", series.classes, CountRange{1, 100'000});
  section.set("keep_departed", series.keep_departed,
              DurationRange{seconds{1}, std::chrono::hours{24}});
}

void read_root(const YamlNode& root, ConfigFile& file, Diagnostics& diagnostics) {
  Config& config = file.config;
  Section section(root, "the configuration", diagnostics);
  section.set_path("run_dir", config.run_dir, kLongestRunDir);
  section.set_path("state_dir", config.state_dir, kLongestPath);
  section.set("http", config.http,
              [](const Field& field) -> std::optional<std::optional<HttpAddress>> {
                const auto found = read_text(field, kLongestPath);
                if (!found) return {};
                auto http = read_http(*found);
                if (!http) field.fault(http.fault);
                return http.value;
              });
  const std::filesystem::path policy = std::exchange(config.policy, {});
  section.set_path("policy", config.policy, kLongestPath);
  file.named_policy = !config.policy.empty();
  if (!file.named_policy) config.policy = policy;
  section.set_choice("log_level", config.log_level, kLogLevelNames);
  if (const YamlNode* n = section.take("limits")) read_limits(*n, config.limits, diagnostics);
  if (const YamlNode* n = section.take("attach")) read_attach(*n, config.attach, diagnostics);
  if (const YamlNode* n = section.take("api")) read_api(*n, config.api, diagnostics);
  const YamlNode* loop = section.take("loop");
  if (loop != nullptr) read_loop(*loop, config.loop, diagnostics);
  const YamlNode* lease =
      section.set("lease", config.lease, DurationRange{milliseconds{100}, seconds{60}});
  // The heartbeat must beat at least three times within a lease, also at rest.
  if (config.lease < 3 * config.loop.rest_tick) {
    diagnostics.add(place(loop, lease, root), "`lease` " + duration_text(config.lease) +
                                                  " is shorter than three times `rest_tick` " +
                                                  duration_text(config.loop.rest_tick));
  }
  if (const YamlNode* n = section.take("series")) read_series(*n, config.series, diagnostics);
}

}  // namespace

Outcome<ConfigFile> read_config(std::string_view text, std::string_view source,
                                const Config& base) {
  Diagnostics diagnostics(source);
  ConfigFile file{base, false};
  const auto root = parse_yaml(text, diagnostics);
  if (root) read_root(*root, file, diagnostics);
  if (!diagnostics.clean()) return {{}, diagnostics.take(), {}};
  return {std::move(file), {}, {}};
}

}  // namespace pulsed::config
