import GraftTensors
import TokenizerKit

extension TokenizerSettings {
  /// How text is normalized where only a `vocab.txt` says what the tokens are.
  ///
  /// - Throws: ``GraftError`` when a setting is of the wrong type.
  func normalizer() throws -> BertNormalizer {
    BertNormalizer(
      cleanText: true,
      handleChineseCharacters: try configuration.flag("tokenize_chinese_chars") ?? true,
      stripAccents: try configuration.flag("strip_accents"),
      lowercase: try configuration.flag("do_lower_case") ?? true)
  }
}
