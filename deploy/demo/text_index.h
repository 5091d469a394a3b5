// An inverted index over a text: which paragraphs hold a word, ranked by BM25, and which words
// stand beside it.
//
//   TextIndex index(text);                       // `text` outlives the index
//   Lookup found = index.lookup("warranty");     // 10 to 20 us over the licences of Debian
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pulsed::demo {

inline constexpr std::size_t kMaxHits = 10;
inline constexpr std::size_t kMaxParagraphsForNeighbours = 50;
inline constexpr std::size_t kMaxNeighbours = 5;
inline constexpr std::size_t kMaxWordBytes = 64;

struct Hit {
  std::uint32_t paragraph;
  double score;
  std::string_view excerpt;  // into the text
};

struct Neighbour {
  std::string_view word;
  std::uint32_t count;
};

struct Lookup {
  std::size_t paragraphs = 0;         // that hold the word
  std::vector<Hit> hits;              // the best, at most kMaxHits
  std::vector<Neighbour> neighbours;  // typical of the best paragraphs, at most kMaxNeighbours
};

// Calls found(word, offset) for every word of `text`, a word being a run of ASCII letters. In lower
// case, the view being valid during the call only.
template <typename Found>
void for_each_word(std::string_view text, Found&& found) {
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const unsigned char c = i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    const unsigned char lower = static_cast<unsigned char>(c | 0x20);
    if (lower >= 'a' && lower <= 'z' && c >= 'A') {
      word.push_back(static_cast<char>(lower));
    } else if (!word.empty()) {
      found(std::string_view(word), i - word.size());
      word.clear();
    }
  }
}

// Immutable once built, so any thread may look up.
class TextIndex {
 public:
  explicit TextIndex(std::string_view text);

  // `word` in lower case. A word that is not there has no hits.
  [[nodiscard]] Lookup lookup(std::string_view word) const;

  [[nodiscard]] std::size_t paragraphs() const { return paragraphs_.size(); }
  [[nodiscard]] std::size_t words() const { return names_.size(); }

 private:
  using WordId = std::uint32_t;  // unique over the index
  struct Posting {
    std::uint32_t paragraph;
    std::uint32_t count;         // of the word in it
    std::uint32_t first_offset;  // of the word in the text
  };
  struct Counted {
    WordId word;
    std::uint32_t count;
  };
  struct Paragraph {
    std::uint32_t begin;  // in the text
    std::uint32_t end;
    std::uint32_t length = 0;      // in words
    std::vector<Counted> words{};  // each once
  };

  struct Ranked {
    double score;
    const Posting* posting;
  };

  void add_paragraph(std::size_t begin, std::size_t end);
  WordId word_id(std::string_view word);
  [[nodiscard]] double rarity_of(WordId word) const;
  [[nodiscard]] std::vector<Ranked> best_paragraphs(WordId word) const;
  [[nodiscard]] std::string_view excerpt(const Posting& posting) const;
  [[nodiscard]] std::vector<Neighbour> neighbours(const std::vector<Ranked>& best,
                                                  WordId word) const;

  std::string_view text_;
  std::unordered_map<std::string, WordId> ids_;
  std::vector<std::string_view> names_;         // by word; views of the keys of ids_
  std::vector<std::vector<Posting>> postings_;  // by word
  std::vector<double> rarity_;                  // by word
  std::vector<Paragraph> paragraphs_;
  double average_words_ = 0;  // in a paragraph
};

}  // namespace pulsed::demo
