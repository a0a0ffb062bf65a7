import TokenizerKit

/// What two tokenizers of the same vocabulary may do otherwise.
struct BertRules {
  let normalizer: BertNormalizer
  let prefix: String?
  let maximumWordLength: Int?
  let unknown: String?
  let postProcessor: PostProcessor
  let addedTokens: [AddedToken]
  let decoder: WordPieceDecoder?

  /// What is otherwise with others, in a few words each; empty where nothing is.
  func differences(from other: Self) -> [String] {
    let (mine, others) = (normalizer, other.normalizer)
    let rules: [(name: String, isSame: Bool)] = [
      (
        "letters are \(mine.lowercase ? "lower-cased" : "not lower-cased")",
        mine.lowercase == others.lowercase
      ),
      (
        "accents are \(mine.stripsAccents ? "stripped" : "kept")",
        mine.stripsAccents == others.stripsAccents
      ),
      (
        "Chinese characters are \(mine.handleChineseCharacters ? "words" : "not words") of their own",
        mine.handleChineseCharacters == others.handleChineseCharacters
      ),
      ("control characters are removed", mine.cleanText == others.cleanText),
      (
        "pieces within a word begin with ##, and words have at most 100 characters",
        prefix == other.prefix && maximumWordLength == other.maximumWordLength
      ),
      ("the unknown token is '\(unknown ?? "")'", unknown == other.unknown),
      ("special tokens stand around texts as that class has them", postProcessor == other.postProcessor),
      ("the added tokens are others", addedTokens == other.addedTokens),
      ("tokens are joined as BERT's", decoder == other.decoder),
    ]
    return rules.filter { !$0.isSame }.map(\.name)
  }
}
