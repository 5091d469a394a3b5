#include "deploy/demo/text_index.h"

#include <algorithm>
#include <cmath>

namespace pulsed::demo {
namespace {

constexpr std::size_t kExcerptBefore = 30;
constexpr std::size_t kExcerptBytes = 90;

template <typename T, typename Better>
void keep_best(std::vector<T>& all, std::size_t most, Better better) {
  const std::size_t kept = std::min(most, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    better);
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(kept), all.end());
}

}  // namespace

TextIndex::TextIndex(std::string_view text) : text_(text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find("\n\n", begin), text.size());
    add_paragraph(begin, end);
    begin = end + 2;
  }
  std::size_t words = 0;
  for (const Paragraph& paragraph : paragraphs_) words += paragraph.length;
  average_words_ = static_cast<double>(words) /
                   static_cast<double>(std::max<std::size_t>(1, paragraphs_.size()));
  for (WordId word = 0; word < names_.size(); ++word) rarity_.push_back(rarity_of(word));
}

void TextIndex::add_paragraph(std::size_t begin, std::size_t end) {
  const auto number = static_cast<std::uint32_t>(paragraphs_.size());
  Paragraph paragraph{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  for_each_word(text_.substr(begin, end - begin), [&](std::string_view word, std::size_t offset) {
    const WordId id = word_id(word);
    std::vector<Posting>& postings = postings_[id];
    if (postings.empty() || postings.back().paragraph != number) {
      postings.push_back({number, 0, static_cast<std::uint32_t>(begin + offset)});
    }
    if (++postings.back().count == 1) paragraph.words.push_back({id, 0});
    ++paragraph.length;
  });
  for (Counted& counted : paragraph.words) counted.count = postings_[counted.word].back().count;
  if (!paragraph.words.empty()) paragraphs_.push_back(std::move(paragraph));
}

TextIndex::WordId TextIndex::word_id(std::string_view word) {
  const auto [it, added] = ids_.try_emplace(std::string(word), static_cast<WordId>(names_.size()));
  if (added) {
    names_.push_back(it->first);
    postings_.emplace_back();
  }
  return it->second;
}

Lookup TextIndex::lookup(std::string_view word) const {
  const auto it = ids_.find(std::string(word));
  if (it == ids_.end()) return {};
  Lookup found;
  found.paragraphs = postings_[it->second].size();
  const std::vector<Ranked> best = best_paragraphs(it->second);
  for (std::size_t i = 0; i < std::min(kMaxHits, best.size()); ++i) {
    found.hits.push_back({best[i].posting->paragraph, best[i].score, excerpt(*best[i].posting)});
  }
  found.neighbours = neighbours(best, it->second);
  return found;
}

double TextIndex::rarity_of(WordId word) const {
  const double all = static_cast<double>(paragraphs_.size());
  const double holding = static_cast<double>(postings_[word].size());
  return std::log(1 + (all - holding + 0.5) / (holding + 0.5));
}

// Okapi BM25 with the usual k1 = 1.2, b = 0.75 (Robertson and Zaragoza, 2009).
std::vector<TextIndex::Ranked> TextIndex::best_paragraphs(WordId word) const {
  const double word_rarity = rarity_[word];
  std::vector<Ranked> ranked;
  ranked.reserve(postings_[word].size());
  for (const Posting& posting : postings_[word]) {
    const double words = static_cast<double>(paragraphs_[posting.paragraph].length);
    const double count = posting.count;
    const double weight = count * 2.2 / (count + 1.2 * (0.25 + 0.75 * words / average_words_));
    ranked.push_back({word_rarity * weight, &posting});
  }
  keep_best(ranked, kMaxParagraphsForNeighbours, [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.posting < b.posting;
  });
  return ranked;
}

std::string_view TextIndex::excerpt(const Posting& posting) const {
  const Paragraph& paragraph = paragraphs_[posting.paragraph];
  const std::size_t word = posting.first_offset;
  const std::size_t begin =
      word > paragraph.begin + kExcerptBefore ? word - kExcerptBefore : paragraph.begin;
  return text_.substr(begin, std::min<std::size_t>(kExcerptBytes, paragraph.end - begin));
}

// What stands out is what is frequent here and rare elsewhere.
std::vector<Neighbour> TextIndex::neighbours(const std::vector<Ranked>& best, WordId word) const {
  // Counted into an array and not sorted: that many mispredicted branches would be most of a lookup.
  std::vector<std::uint32_t> counts(names_.size());
  std::vector<WordId> beside;
  beside.reserve(names_.size());
  for (const Ranked& ranked : best) {
    for (const Counted& counted : paragraphs_[ranked.posting->paragraph].words) {
      if (counts[counted.word] == 0) beside.push_back(counted.word);
      counts[counted.word] += counted.count;
    }
  }
  struct Candidate {
    double score;
    WordId word;
  };
  std::vector<Candidate> candidates;
  candidates.reserve(beside.size());
  for (const WordId other : beside) {
    if (other != word) candidates.push_back({counts[other] * rarity_[other], other});
  }
  keep_best(candidates, kMaxNeighbours, [this](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : names_[a.word] < names_[b.word];
  });
  std::vector<Neighbour> kept;
  for (const Candidate& candidate : candidates) {
    kept.push_back({names_[candidate.word], counts[candidate.word]});
  }
  return kept;
}

}  // namespace pulsed::demo
