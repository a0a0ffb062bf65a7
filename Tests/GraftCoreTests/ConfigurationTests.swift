import GraftCore
import GraftTensors
import Testing

@Suite struct ConfigurationTests {
  @Test("labels are made up for num_labels, but not without bound")
  func numberOfLabels() throws {
    #expect(try Configuration().labels() == ["LABEL_0", "LABEL_1"])
    #expect(try Configuration(["num_labels": 3]).labels() == ["LABEL_0", "LABEL_1", "LABEL_2"])
    #expect(try Configuration(["num_labels": 1_000_000]).labels().count == 1_000_000)
    for count in [1_000_001, 2_000_000_000] {
      let error = #expect(throws: GraftError.self) {
        try Configuration(["num_labels": JSON(count)]).labels()
      }
      #expect(
        error?.description
          == "config.json: key 'num_labels': wrong value; expected at most 1000000, found the number \(count)."
      )
    }
  }

  @Test("labels that are no texts are what Python makes of them")
  func labelsOfOtherKinds() throws {
    let file = Configuration(["id2label": ["0": 5, "1": 0.5, "2": true, "3": false, "4": "x"]])
    #expect(try file.labels() == ["5", "0.5", "True", "False", "x"])
    for value in [JSON.null, ["a"]] {
      let error = #expect(throws: GraftError.self) { try Configuration(["id2label": ["0": value]]).labels() }
      #expect(
        error?.description
          == "config.json: key 'id2label': wrong value; expected labels numbered from \"0\" on, found an object."
      )
    }
  }
}
