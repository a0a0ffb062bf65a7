import Foundation
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// How a model of each family begins from nothing.
@Suite struct RecipeTests {
  /// Those whose tokenizers can be trained.
  static func families() throws -> [String] {
    let registry = try Registry.builtIn()
    return try registry.families.values.filter {
      try registry.tokenizerTrainers[$0.scratchRecipe().tokenizer.type] != nil
    }.map(\.name)
  }

  /// A tokenizer of a family, as small as can be trained on a few texts.
  static func tokenizer(_ family: String) throws -> any Tokenizer {
    var training = try TokenizerTraining(
      family: family,
      options: TokenizerTrainingOptions(vocabularySize: 320, furtherSpecialTokens: ["[E1]"]),
      registry: .builtIn())
    for text in try TrainingGolden.packages(60) { training.add(TextRow(text)) }
    return try training.finish().tokenizer
  }

  @Test("every family has a recipe, whose tokenizer can be trained")
  func everyFamily() throws {
    #expect(try Set(Self.families()) == Set(Registry.builtIn().families.values.map(\.name)))
  }

  @Test("a trained tokenizer has the family's special tokens around texts, and loads from its files")
  func tokenizer() throws {
    for name in try Self.families() {
      let tokenizer = try Self.tokenizer(name)
      let special = tokenizer.specialTokens
      #expect(special.all.count == 5, "\(name): \(special)")
      let encoding = tokenizer.encode("A game [E1] server", maximumLength: nil)
      #expect(encoding.ids.first == special.classification && encoding.ids.last == special.separator)
      #expect(tokenizer.id(of: "[E1]").map(encoding.ids.contains) == true)
      let pair = tokenizer.encode("a", pair: "b", maximumLength: nil, addSpecialTokens: true)
      #expect(pair.sequences.count == 2)
      try withTemporaryDirectory { directory in
        try tokenizer.write(to: directory)
        let again = try #require(try Registry.builtIn().loadTokenizer(from: directory))
        #expect(type(of: again) == type(of: tokenizer))
        #expect(again.specialTokens == special)
        #expect(again.encode("A game [E1] server", maximumLength: nil) == encoding)
      }
    }
  }

  @Test("each size of each family is a model that can be made, with the tokenizer's ids")
  func sizes() throws {
    let registry = try Registry.builtIn()
    for name in try Self.families() {
      let family = try registry.families.find(name)
      let tokenizer = try Self.tokenizer(name)
      let recipe = try family.scratchRecipe()
      for required in ["tiny", "mini", "small", "base", "large"] {
        #expect(recipe.sizes[required] != nil, "\(family.name): \(required)")
      }
      var smaller = 0
      for size in recipe.sizes.keys {
        let configuration = try recipe.configuration(size: size, for: tokenizer)
        let backbone = try family.makeBackbone(configuration)
        #expect(backbone.vocabularySize == tokenizer.vocabularySize)
        #expect(configuration["pad_token_id"]?.int == tokenizer.specialTokens.padding.map { Int($0) })
        let parameters = backbone.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) }
        // Of ALBERT and DeBERTa, some sizes are not in the order of their parameters.
        if ["tiny", "mini", "base", "large"].contains(size) {
          #expect(parameters > smaller, "\(family.name): \(size)")
          smaller = parameters
        }
      }
    }
  }

  @Test("a new model of each family can be written, read and trained")
  func models() throws {
    let registry = try Registry.builtIn()
    for name in try Self.families() {
      try withTemporaryDirectory { directory in
        let files = directory.appending(path: "tokenizer")
        try DirectoryWriter.write(files) { try Self.tokenizer(name).write(to: $0) }
        let checkpoint = try initializeModel(
          family: name, size: "tiny", tokenizerFrom: files, seed: 3, registry: registry)
        #expect(checkpoint.activeHead?.name == "masked-lm")
        let model = directory.appending(path: "model")
        try checkpoint.write(to: model, registry: registry)
        let opened = try registry.open(model)
        try opened.report.requireStrict()
        let again = try initializeModel(
          family: name, size: "tiny", tokenizerFrom: files, seed: 3, registry: registry)
        #expect(try again.activeWeights().differences(from: opened.checkpoint.activeWeights()).isEmpty)
      }
    }
  }
}
