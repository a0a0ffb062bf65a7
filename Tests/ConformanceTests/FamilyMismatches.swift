import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// Configurations that name another family or class than the tensors are of.
@Suite("Families that disagree with their files")
struct FamilyMismatches {
  private let registry: Registry

  init() throws { registry = try FamilyFixtures.registry.get() }

  /// What opening a checkpoint of RoBERTa says with other values in its configuration.
  private func open(
    _ name: String, _ changes: [String: JSON]
  ) throws -> (message: String?, opened: OpenedCheckpoint?) {
    try withTemporaryDirectory { directory in
      let copy = directory.appending(path: "copy")
      try FileManager.default.copyItem(
        at: fixtures.appending(path: "roberta-tiny/\(name)").resolvingSymlinksInPath(), to: copy)
      let file = copy.appending(path: "config.json")
      var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
      for (key, value) in changes { configuration.values[key] = value }
      try FileWriter.write(file, text: configuration.text)
      var opened: OpenedCheckpoint?
      let message = errorMessage(in: copy) { opened = try registry.open(copy) }
      return (message, opened)
    }
  }

  @Test("a family that is not known is answered with the nearest")
  func unknownFamily() throws {
    let message = try open("base", ["model_type": "robeta"]).message
    #expect(
      message?.contains("key 'model_type' of config.json: unknown family 'robeta'. Known: bert, ") == true)
    #expect(message?.hasSuffix(" Did you mean 'roberta'?") == true)
  }

  /// As `from_pretrained` does: the class is the one that is named, and what it does not find is new.
  @Test("a class whose head the file does not have gets a new one, and the report says so")
  func anotherClass() throws {
    let opened = try #require(
      try open("masked-lm", ["architectures": ["RobertaForSequenceClassification"]]).opened)
    #expect(opened.checkpoint.activeHead?.name == "sequence-classification")
    #expect(opened.checkpoint.parkedHeads.map(\.id) == ["masked-lm"])
    let new = opened.report.groups.first { $0.name == "sequence-classification" }
    #expect(new?.initialized.count == 4 && new?.loaded.isEmpty == true)
  }

  @Test("the class of another family than model_type says only which head it is")
  func anotherFamilysClass() throws {
    let opened = try #require(try open("masked-lm", ["architectures": ["BertForMaskedLM"]]).opened)
    #expect(opened.checkpoint.family.name == "roberta")
    #expect(opened.checkpoint.activeHead?.name == "masked-lm" && opened.report.unexpected.isEmpty)
    #expect(opened.report.groups.allSatisfy { $0.initialized.isEmpty })
  }

  /// They would fit, but for their prefix, and compute something else.
  @Test("tensors of another family than the configuration says are refused")
  func anotherFamilysTensors() throws {
    for (key, changes) in [
      ("model_type", ["model_type": "bert"]),
      ("model_type", ["model_type": "bert", "architectures": ["BertForMaskedLM"]]),
      ("architectures", ["model_type": .null, "architectures": ["BertForMaskedLM"]]),
    ] as [(String, [String: JSON])] {
      let message = try open("masked-lm", changes).message ?? "no error"
      #expect(
        message.contains(
          "key '\(key)' of config.json: its tensors are those of another family; expected one of "))
      #expect(
        message.hasSuffix(", for names that begin with 'roberta.', found 'bert'. Correct config.json."),
        "\(message)")
    }
  }

  @Test("a head of another family is not attached")
  func anotherFamilysHead() throws {
    try withTemporaryDirectory { directory in
      let head = directory.appending(path: "head")
      try detachHead(fixtures.appending(path: "electra-tiny/sequence-classification"), registry: registry)
        .write(to: head, registry: registry)
      let message = errorMessage(in: directory) {
        _ = try attachHead(fixtures.appending(path: "roberta-tiny/base"), head: head, registry: registry)
      }
      #expect(
        message == "head: the head was made for another family; expected 'roberta', found 'electra'. "
          + "Attach it to a checkpoint of that family.")
    }
  }
}
