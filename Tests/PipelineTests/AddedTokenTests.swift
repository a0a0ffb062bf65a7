import GraftTensors
import Testing

@testable import Pipeline

/// Added tokens that overlap in a text: the leftmost is taken, and of those that begin there the longest.
struct AddedTokenTests {
  /// The ids are those of `tokenizers` 0.23.3 for `WordLevel({"<unk>": 0, "a": 1, "b": 2, "c": 3})` with these added tokens
  /// from 4 on, not normalized.
  @Test(arguments: [
    (["ab", "bc"], "abcbc", [4, 3, 5]), (["ab", "bc"], "aabbcc", [1, 4, 5, 3]),
    (["ab", "bc"], "ababa", [4, 4, 1]),
    (["ab", "bc"], "abcabcd", [4, 3, 4, 0]), (["ab", "bc", "abc"], "abcbc", [6, 5]),
    (["ab", "bc", "abc"], "aabbcc", [1, 4, 5, 3]), (["ab", "bc", "abc"], "abcabcd", [6, 6, 0]),
    (["aba", "ba"], "ababa", [4, 5]), (["aba", "ba"], "bcab", [0]), (["a b", "b c"], "a b c", [4, 0]),
    (["abcd", "bc"], "abcbc", [1, 5, 5]), (["abcd", "bc"], "abcabcd", [1, 5, 4]),
    (["abcd", "bc"], "abcx", [1, 5, 0]),
    (["abcd", "bc", "c"], "aabbcc", [0, 5, 3]), (["abcd", "bc", "c"], "a b c", [0, 3]),
  ])
  func overlapping(added: [String], text: String, ids: [Int32]) throws {
    let tokens: [JSON] = added.enumerated().map { index, content in
      [
        "id": JSON(content == "c" ? 3 : 4 + index), "content": .string(content), "normalized": false,
        "special": false,
      ]
    }
    let document: JSON = [
      "added_tokens": .array(tokens),
      "model": ["type": "WordLevel", "unk_token": "<unk>", "vocab": ["<unk>": 0, "a": 1, "b": 2, "c": 3]],
    ]
    let tokenizer = try #require(try load(["tokenizer.json": document.text()]))
    #expect(tokenizer.encode(text, pair: nil, truncation: nil, addSpecialTokens: false).ids == ids)
  }

  /// Every space of a thousand would begin a match that ends with the last one.
  @Test func whiteSpaceThatTakesWhiteSpace() throws {
    let document: JSON = [
      "added_tokens": [["id": 1, "content": " \t", "rstrip": true, "special": false]],
      "model": ["type": "WordLevel", "unk_token": "<unk>", "vocab": ["<unk>": 0]],
    ]
    let error = #expect(throws: GraftError.self) { try load(["tokenizer.json": document.text()]) }
    #expect(
      error?.description.contains(
        "token ' \\u0009': an added token of white space cannot take the white space behind it. Set its 'rstrip' to false."
      )
        == true, "\(error?.description ?? "")")
  }
}
