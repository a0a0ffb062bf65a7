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
    ])
  func lists(_ text: String, _ items: [String]) {
    #expect(WrittenLabel.items(inCell: text) == items)
  }

  @Test(
    "what is no list of names",
    arguments: [
      "a", "", "[a]", "['a'", "['a' 'b']", "[None]", "[[1]]", "{'a': 1}", "[CLS] a", "['a'] b", #"['\xzz']"#,
      #"['\U11111111']"#, #"['\U00']"#,
    ])
  func others(_ text: String) { #expect(WrittenLabel.items(inCell: text) == nil) }

  @Test(
    "what has a list's brackets and quotes and is none is refused, and a text in brackets is not",
    arguments: [
      "['a' 'b']", " ['a'\n 'b']", "[None, 'a']", "['a', nan]", #"["a" "b"]"#, "[np.str_('a'), np.str_('b')]",
      #"['\U11111111']"#,
    ])
  func refused(_ text: String) throws {
    let message = errorMessage { _ = try JSON.list(inCell: text) }
    #expect(
      message?.hasPrefix("a list that cannot be read; expected [\"a\", \"b\"] or ['a', 'b'], found") == true,
      "\(message ?? "")")
    for other in ["[a]", "[CLS] it's [SEP]", "[1 2]", "", "[]]", "['a'] b", "it's", "["] {
      #expect(try JSON.list(inCell: other) == nil)
    }
    #expect(try JSON.list(inCell: "['a', '']")?.array?.count == 2)
  }

  @Test func objectsInAList() {
    #expect(JSON(listInCell: "[{'start': 0, 'label': 'PER'}]")?.array?.first?["label"] == "PER")
    #expect(JSON(listInCell: "{'start': 0}") == nil)
  }
}
