import GraftCore
import GraftTensors
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
    ])
  func lists(_ text: String, _ items: [String]) {
    #expect(WrittenLabel.items(inCell: text) == items)
  }

  @Test(
    "what is no list of names",
    arguments: ["a", "", "[a]", "['a'", "['a' 'b']", "[None]", "[[1]]", "{'a': 1}", "[CLS] a", "['a'] b"])
  func others(_ text: String) { #expect(WrittenLabel.items(inCell: text) == nil) }

  @Test func objectsInAList() {
    #expect(JSON(listInCell: "[{'start': 0, 'label': 'PER'}]")?.array?.first?["label"] == "PER")
    #expect(JSON(listInCell: "{'start': 0}") == nil)
  }
}
