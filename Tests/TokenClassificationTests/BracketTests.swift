import Foundation
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import TokenClassification

/// What is a list of words in the column of the text, and what is a text that stands in brackets.
@Suite("Texts in brackets")
struct BracketTests {
  private func rows(_ table: String, _ options: DataOptions = DataOptions()) throws -> [TextRow] {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "a.csv")
      try Data(table.utf8).write(to: url)
      var options = options
      options.fields = TokenClassification.columns
      return try DataSource([url], options: options).rows()
    }
  }

  private func read(_ table: String, _ options: DataOptions = DataOptions()) throws -> [RowLabels] {
    var configuration = Configuration()
    configuration.setLabels(["O", "B-PER", "I-PER"])
    let labels = try TokenClassification(configuration).labels(of: rows(table, options), LabelReading())
    return try labels.map { try #require($0 as? RowLabels) }
  }

  @Test(
    "texts in brackets are texts beside their tags too, and lists of strings alone are refused",
    arguments: ["text", "words"])
  func bracketsWithTags(_ column: String) throws {
    let options = column == "text" ? DataOptions() : DataOptions(textColumns: [.name(column)])
    func words(_ cell: String, _ tags: String) throws -> [String] {
      let table = "\(column),label\n\"\(cell.replacing("\"", with: "\"\""))\",\(tags)\n"
      return try read(table, options)[0].words.strings
    }
    #expect(try words("[He said 'no']", "O O O") == ["[He", "said", "'no']"])
    #expect(try words("[ 12 13 ]", "O O O O") == ["[", "12", "13", "]"])
    #expect(try words(#"("Hello there")"#, "O O") == [#"("Hello"#, #"there")"#])
    #expect(try words(#"{"Hello"}"#, "O") == [#"{"Hello"}"#])
    #expect(try words("('he',)", "O") == ["he"] && words("['he']", "O") == ["he"])
    for cell in ["['he' 'can']", "[None, 'can']", "['he', ..., 'can']", "array(['he', 'can'], dtype=object)"]
    {
      let error = #expect(throws: GraftError.self) { try words(cell, "O O") }
      #expect(error?.description.contains("row 2: a list that cannot be read") == true, "\(cell)")
    }
  }

  @Test("a text that has entities by their places is no list of words, whatever it looks like")
  func listsWithEntities() throws {
    for text in [#"["Ada"]"#, #"("Ada",)"#, "['he' 'can']"] {
      let cell = text.replacing("\"", with: "\"\"")
      for column in ["entities", "spans"] {
        let row = try rows("text,\(column)\n\"\(cell)\",\"[[2, 5, \"\"PER\"\"]]\"\n")[0]
        #expect(row.text == text)
        #expect(TokenClassification.hasLabel(row, nil))
      }
    }
    let found = try read(
      #"text,entities,tags"# + "\n" + #""[""Ada""]","[[2, 5, ""PER""]]","# + "\n" + #""[""Ada""]",,O"# + "\n")
    #expect(zip(found[0].words.strings, found[0].classes).contains { $0 == ("Ada", 1) })
    #expect(found[1].words.strings == ["Ada"])
  }
}
