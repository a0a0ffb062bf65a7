import GraftCore
import TestSupport
import GraftTensors
import SequenceClassification
import Testing

@Suite struct LabelReaderTests {
  private let news = ["World", "Sports", "Business", "Sci/Tech"]

  private func read(
    _ label: WrittenLabel?,
    _ type: ProblemType = .singleLabel,
    labels: [String]? = nil,
    base: Int? = nil
  )
    throws -> JSON
  {
    let row = TextRow("x", label: label, place: TextRow.Place(file: "a.csv", row: 7))
    return try LabelReader(labels: labels ?? news, problemType: type, base: base).label(of: row).json
  }

  private func values(_ values: [Float]) -> JSON { ValuesLabel(values).json }

  @Test func namesAndNumbers() throws {
    #expect(try read(.text("Sports")) == JSON(1))
    #expect(try read(.text(" Sci/Tech ")) == JSON(3))
    #expect(try read(.text("0")) == JSON(0))
    #expect(try read(.text("3.0")) == JSON(3))
    #expect(try read(.text("4"), base: 1) == JSON(3))
    #expect(try read(.text("World"), base: 1) == JSON(0))
    // Stars are names that look like numbers, unless a base says that they are numbers.
    #expect(try read(.text("2"), labels: ["1", "2", "3"]) == JSON(1))
    #expect(try read(.text("2"), labels: ["1", "2", "3"], base: 0) == JSON(2))
  }

  @Test(arguments: [
    WrittenLabel.text("Sports|World"), .text("1|0"), .text("[\"World\", 1]"), .list(["World", "Sports"]),
    .list(["1.0", "1.0", "0.0", "0.0"]), .text("[1.0, 1.0, 0.0, 0.0]"),
  ])
  func severalLabels(_ written: WrittenLabel) throws {
    #expect(try read(written, .multiLabel) == values([1, 1, 0, 0]))
  }

  /// A float for each label, as `BCEWithLogitsLoss` takes it, and not the numbers of labels: read as those, all of these
  /// would be [1, 1, 0, 0] or out of range.
  @Test(
    arguments: [
      ([0.0, 0, 1, 1], WrittenLabel.text("[0.0, 0.0, 1.0, 1.0]")),
      ([0, 0, 0, 1], .list(["0.0", "0.0", "0.0", "1.0"])),
      ([0, 0.25, 1, 0], .text("[0.0, 0.25, 1.0, 0.0]")), ([0, 0, 0, 0], .text(" [0.0,0.0,0.0,0.0] ")),
    ] as [([Float], WrittenLabel)])
  func aDecimalForEachLabel(_ expected: [Float], _ written: WrittenLabel) throws {
    #expect(try read(written, .multiLabel) == values(expected))
  }

  @Test func aDecimalForEachOfTwoLabels() throws {
    #expect(try read(.text("[0.0, 1.0]"), .multiLabel, labels: ["a", "b"]) == values([0, 1]))
    #expect(try read(.list(["1.0", "0.0"]), .multiLabel, labels: ["a", "b"]) == values([1, 0]))
    // Whole numbers are those of labels.
    #expect(try read(.text("[0, 1]"), .multiLabel, labels: ["a", "b"]) == values([1, 1]))
  }

  @Test func noneOfSeveralLabels() throws {
    #expect(try read(.text(""), .multiLabel) == values([0, 0, 0, 0]))
    #expect(try read(.list([]), .multiLabel) == values([0, 0, 0, 0]))
  }

  @Test func numbers() throws {
    #expect(try read(.text("-2.5e-1"), .regression, labels: ["score"]) == values([-0.25]))
    #expect(try read(.list(["1", "2.5"]), .regression, labels: ["a", "b"]) == values([1, 2.5]))
  }

  @Test func mistakesAreExplained() {
    func message(
      _ label: WrittenLabel?,
      _ type: ProblemType = .singleLabel,
      labels: [String]? = nil,
      base: Int? = nil
    ) -> String? {
      errorMessage { _ = try read(label, type, labels: labels, base: base) }
    }
    #expect(
      message(.text("Politics"))
        == "a.csv: row 7: unknown label; expected one of World, Sports, Business, Sci/Tech, "
        + "found 'Politics'. Check 'label-column', or give the head these labels: 'swapHead(to: \"NAME\", labels: [A,B])'."
    )
    #expect(
      message(.text("4"))
        == "a.csv: row 7: the label number is out of range; expected 0 to 3 for the labels World, "
        + "Sports, Business, Sci/Tech, found 4. Set 'label-base' to 1 when classes are counted from 1."
    )
    #expect(
      message(.text("0"), base: 1)
        == "a.csv: row 7: the label number is out of range; expected 1 to 4 for the labels "
        + "World, Sports, Business, Sci/Tech, found 0. Choose a head with more labels, or check 'label-column' and "
        + "'label-base'."
    )
    #expect(message(.text("-9223372036854775808"), base: 1)?.contains("out of range") == true)
    #expect(
      message(nil)
        == "a.csv: row 7: there is no label; expected one of World, Sports, Business, Sci/Tech. Say which "
        + "column has it: 'label-column'."
    )
    #expect(message(.text(" "))?.contains("there is no label") == true)
    #expect(
      message(.text("warm"), .regression, labels: ["score"])
        == "a.csv: row 7: wrong label; expected a number, found 'warm'."
    )
    #expect(message(.text("nan"), .regression, labels: ["score"])?.contains("expected a number") == true)
    #expect(message(.list(["a"])) == "a.csv: row 7: wrong label; expected one label, found a list of 1.")
    #expect(message(.text("World|Cooking"), .multiLabel)?.contains("unknown label") == true)
  }
}
