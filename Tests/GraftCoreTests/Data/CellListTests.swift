import GraftCore
import GraftTensors
import TestSupport
import Testing

/// Cells of tables that hold lists.
@Suite("Lists in cells")
struct CellListTests {
  @Test(
    "lists as JSON and as Python write them",
    arguments: [
      (#"["a", "b"]"#, ["a", "b"]), (" ['a','b'] ", ["a", "b"]), ("[1, 2.5]", ["1", "2.5"]),
      ("[True, False]", ["true", "false"]), ("[true]", ["true"]), ("[]", []),
      (#"['True', "it's", 'say "x"', 'don\'t']"#, ["True", "it's", #"say "x""#, "don't"]),
      (#"['a\\b', 'a\nb', 'é\u0301']"#, [#"a\b"#, "a\nb", "é\u{301}"]),
      (
        #"['a\xa0b', 'a\xadb', '\U0001f600', '\U00000022', '\\x41']"#,
        ["a\u{A0}b", "a\u{AD}b", "😀", "\"", #"\x41"#]
      ),
      ("('B-PER', 'O')", ["B-PER", "O"]), ("('a',)", ["a"]), ("{'a', \"b\"}", ["a", "b"]),
      (#"["B-PER", "O", ]"#, ["B-PER", "O"]), (#"{"a"}"#, ["a"]), (#"{"a", }"#, ["a"]), ("('a', )", ["a"]),
    ])
  func lists(_ text: String, _ items: [String]) {
    #expect(WrittenLabel.items(inCell: text) == items)
  }

  @Test(
    "what is no list of names",
    arguments: [
      "a", "", "[a]", "['a'", "['a' 'b']", "[None]", "[[1]]", "{'a': 1}", "[CLS] a", "['a'] b", #"['\xzz']"#,
      #"['\U11111111']"#, #"['\U00']"#, "(1)", "(1, 2)", "(it's)", "('He', she said.)", "{it's}",
      #"{"a": 1}"#, #"("a")"#, #"("Hello there")"#, #"[("a")]"#, #"("a", "b"]"#, #"["a")"#, #"{"Hello" x"#,
      "[,]",
      #"["a",,]"#, "(,)", #"{,"a"}"#, #"{"a"}, {"b"}"#,
    ])
  func others(_ text: String) { #expect(WrittenLabel.items(inCell: text) == nil) }

  @Test(
    "what has a list's brackets and quotes and is none is refused, and a text in brackets is not",
    arguments: [
      "['a' 'b']", " ['a'\n 'b']", "[None, 'a']", "['a', nan]", #"["a" "b"]"#, "[np.str_('a'), np.str_('b')]",
      #"['\U11111111']"#, "[0 1]", "[1. 0.5]", "[ True False]", "array(['a', 'b'], dtype=object)",
      "['a', ..., 'b']",
    ])
  func refused(_ text: String) throws {
    let message = errorMessage { _ = try JSON.list(inCell: text) }
    #expect(
      message?.hasPrefix("a list that cannot be read; expected [\"a\", \"b\"] or ['a', 'b'], found") == true,
      "\(message ?? "")")
    for other in ["[a]", "[CLS] it's [SEP]", "[1] [2]", "", "[]]", "['a'] b", "it's", "["] {
      #expect(try JSON.list(inCell: other) == nil)
    }
    #expect(try JSON.list(inCell: "['a', '']")?.array?.count == 2)
  }

  @Test(
    "what is to be done about a list that is none",
    arguments: [
      ("['a' 'b']", "an array of NumPy has 'tolist()'"), ("[0 1]", "an array of NumPy"),
      ("array(['a'])", "an array of NumPy"), ("['a', ..., 'b']", "It is cut where '...' stands"),
      ("[None, 'a']", "for None or nan"), ("['none', ...]", "It is cut"),
    ])
  func advice(_ text: String, _ advice: String) {
    #expect(errorMessage { _ = try JSON.list(inCell: text) }?.contains(advice) == true)
  }

  @Test func objectsInAList() throws {
    #expect(JSON(listInCell: "[(0, 12, 'PER')]")?.array?.first == [0, 12, "PER"])
    #expect(try JSON.value(inCell: "{'text': ['a'], 'answer_start': [0]}")?["answer_start"] == [0])
    #expect(try JSON.list(inCell: "{'text': ['a'], 'answer_start': [0]}") == nil)
    #expect(throws: GraftError.self) { try JSON.value(inCell: "{'text': array(['a'], dtype=object)}") }
    #expect(JSON(listInCell: "[{'start': 0, 'label': 'PER'}]")?.array?.first?["label"] == "PER")
    #expect(JSON(listInCell: "{'start': 0}") == nil)
  }
}
