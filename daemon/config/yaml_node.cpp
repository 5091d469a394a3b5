#include "daemon/config/yaml_node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "daemon/config/yaml_text.h"

namespace pulsed::config {
namespace {

// Ends the parse from inside an event; the message is in the diagnostics.
struct Stop {};

Position position(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, Diagnostics& diagnostics)
      : lines_(split_lines(text)), diagnostics_(diagnostics) {}

  std::optional<YamlNode> root;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) {
      stop(position(mark), "a second document begins here, or a line is indented wrongly");
    }
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add({.kind = YamlNode::Kind::kNull, .at = position(mark)});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    diagnostics_.add(position(mark), "anchors and aliases are not allowed; write the value out");
    add({.kind = YamlNode::Kind::kRefused, .at = position(mark)});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node{.kind = YamlNode::Kind::kScalar, .at = position(mark), .text = value};
    node.quoted = tag == "!";
    const bool plain_form = refuse_anchor(mark, anchor) && (node.quoted || refuse_tag(mark, tag));
    if (!plain_form || !stands_on_one_line(node)) node.kind = YamlNode::Kind::kRefused;
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    std::optional<YamlEntry> entry;  // a key that waits for its value
  };

  bool refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == 0) return true;
    diagnostics_.add(position(mark), "anchors and aliases are not allowed; write the value out");
    return false;
  }

  bool refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?") return true;
    diagnostics_.add(position(mark), "tags are not allowed");
    return false;
  }

  // yaml-cpp joins the lines of a scalar, and takes a quote without end as the rest of the file.
  bool stands_on_one_line(const YamlNode& node) {
    const auto line = static_cast<std::size_t>(node.at.line) - 1;
    const auto column = static_cast<std::size_t>(node.at.column) - 1;
    std::string_view rest = line < lines_.size() ? lines_[line] : std::string_view();
    rest.remove_prefix(std::min(column, rest.size()));
    if (!node.quoted) {
      if (rest.starts_with(node.text)) return true;
      diagnostics_.add(node.at, "a value must stand on one line");
      return false;
    }
    if (rest.starts_with('"') || rest.starts_with('\'')) {
      if (quote_ends(rest)) return true;
      diagnostics_.add(node.at, "the quote does not end on its line");
      return false;
    }
    const bool block = rest.starts_with('|') || rest.starts_with('>');
    diagnostics_.add(node.at, block ? "a value must stand on one line" : "tags are not allowed");
    return false;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    const Position at = position(mark);
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (awaits_key()) stop(at, "a key must be plain text");
    if (frames_.size() >= kDeepest) {
      stop(at, "nested deeper than " + std::to_string(kDeepest) + " levels");
    }
    frames_.push_back({YamlNode{.kind = kind, .at = at}, {}});
  }

  void close() {
    YamlNode node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }

  bool awaits_key() const {
    return !frames_.empty() && frames_.back().node.kind == YamlNode::Kind::kMap &&
           !frames_.back().entry;
  }

  void add(YamlNode node) {
    if (frames_.empty()) {
      root = std::move(node);
    } else if (frames_.back().node.kind == YamlNode::Kind::kList) {
      frames_.back().node.items.push_back(std::move(node));
    } else if (awaits_key()) {
      if (node.kind == YamlNode::Kind::kRefused) throw Stop{};
      if (node.kind != YamlNode::Kind::kScalar) stop(node.at, "a key must be plain text");
      frames_.back().entry = YamlEntry{std::move(node.text), node.at, {}};
    } else {
      add_entry(std::move(node));
    }
  }

  void add_entry(YamlNode value) {
    Frame& frame = frames_.back();
    YamlEntry entry = std::move(*frame.entry);
    frame.entry.reset();
    if (frame.node.entries.size() >= kMostKeys) stop(entry.at, "too many keys in one map");
    const auto twin = std::find_if(frame.node.entries.begin(), frame.node.entries.end(),
                                   [&](const YamlEntry& e) { return e.key == entry.key; });
    if (twin != frame.node.entries.end()) {
      diagnostics_.add(entry.at, "duplicate key `" + shown(entry.key) + "`, first given in line " +
                                     std::to_string(twin->at.line));
      return;
    }
    entry.value = std::move(value);
    frame.node.entries.push_back(std::move(entry));
  }

  [[noreturn]] void stop(Position at, std::string message) {
    diagnostics_.add(at, std::move(message));
    throw Stop{};
  }

  static constexpr std::size_t kMostKeys = 256;

  std::vector<std::string_view> lines_;
  Diagnostics& diagnostics_;
  bool started_ = false;
  std::vector<Frame> frames_;
};

// Whatever yaml-cpp refuses comes as an exception; it ends here.
bool parse_events(std::string_view text, TreeBuilder& builder, Diagnostics& diagnostics) {
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return true;
  } catch (const Stop&) {
    return false;
  } catch (const YAML::Exception& e) {
    diagnostics.add(position(e.mark), "not YAML: " + e.msg);
    return false;
  }
}

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, Diagnostics& diagnostics) {
  if (!is_plain_text(text, diagnostics)) return {};
  TreeBuilder builder(text, diagnostics);
  if (!parse_events(text, builder, diagnostics)) return {};
  if (!builder.root) return YamlNode{.kind = YamlNode::Kind::kMap, .at = {1, 1}};
  return std::move(builder.root);
}

}  // namespace pulsed::config
