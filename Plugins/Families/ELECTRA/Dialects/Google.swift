import GraftCore
import PostNormEncoder

extension Dialect {
  /// The discriminator as Google published it: the variables of a TensorFlow 1 graph. Its files have no
  /// configuration, and hold the generator as well, which shares the embeddings.
  ///
  /// https://github.com/google-research/electra/blob/master/model/modeling.py
  static let googleELECTRA = Dialect(
    name: "google",
    backbonePrefixes: ["electra/"],
    dropped: googleSlots + [
      Dropped(.beginning("generator/"), "the generator, which is another model"),
      Dropped(.beginning("generator_predictions/"), "the generator, which is another model"),
    ],
    files: CheckpointFiles(library: nil),
    backbone: googleEncoder + [Row.pair("embeddings.projection", "embeddings_project", .dense, .optional)],
    heads: [
      "replaced-token-detection": Row.pair(
        "replaced_token_detection.dense", "discriminator_predictions/dense", .dense)
        + Row.pair("replaced_token_detection.output", "discriminator_predictions/dense_1", .dense)
    ]
  )
}
