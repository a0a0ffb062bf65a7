import GraftCore
import PostNormEncoder

extension Dialect {
  /// BERT of TensorFlow's model garden (`tf-models-official`), by the names of the variables: its checkpoints of
  /// TensorFlow 2, those that it publishes and makes of Google's, and the SavedModels of TensorFlow Hub.
  ///
  /// Without the `:0` of a variable's output, its encoders load them by these names too. Until version 2.2 the projection
  /// behind attention was a layer beside it.
  /// https://github.com/tensorflow/models/blob/v2.16.0/official/nlp/modeling/networks/bert_encoder.py
  static let modelGardenBERT = Dialect(
    name: "model-garden",
    synonyms: ["kernel", "bias"].map {
      Synonym("self_attention_output/\($0):0", "self_attention/attention_output/\($0)")
    } + ["embeddings", "kernel", "bias", "gamma", "beta"].map { Synonym("\($0):0", $0) },
    dropped: [
      Dropped(.below, "an optimizer's slot"),
      Dropped(.ending("/.ATTRIBUTES/VARIABLE_VALUE"), "an optimizer's or a metric's state"),
      Dropped(.ending("save_counter:0"), "a training counter"),
      Dropped(.ending("global_step:0"), "a training counter"),
      Dropped(.beginning("Variable:0"), "whether the tokenizer lower-cases"),
    ],
    initializesPooler: true,
    files: CheckpointFiles(configuration: .modelGardenBERT, library: nil),
    backbone: [
      [
        Row("embeddings.word.weight", "word_embeddings/embeddings"),
        Row("embeddings.position.weight", "position_embedding/embeddings"),
        Row("embeddings.token_type.weight", "type_embeddings/embeddings"),
      ],
      Row.pair("embeddings.norm", "embeddings/layer_norm", .norm),
      Row.pair("layers.{}.attention.query", "\(gardenLayer)/self_attention/query", .dense.splitOutputs),
      Row.pair("layers.{}.attention.key", "\(gardenLayer)/self_attention/key", .dense.splitOutputs),
      Row.pair("layers.{}.attention.value", "\(gardenLayer)/self_attention/value", .dense.splitOutputs),
      Row.pair(
        "layers.{}.attention.output", "\(gardenLayer)/self_attention/attention_output", .dense.splitInputs),
      Row.pair("layers.{}.attention.norm", "\(gardenLayer)/self_attention_layer_norm", .norm),
      Row.pair("layers.{}.feed_forward.intermediate", "\(gardenLayer)/intermediate", .dense),
      Row.pair("layers.{}.feed_forward.output", "\(gardenLayer)/output", .dense),
      Row.pair("layers.{}.feed_forward.norm", "\(gardenLayer)/output_layer_norm", .norm),
    ],
    pooler: Row.pair("pooler", "pooler_transform", .dense),
    heads: [
      "masked-lm": Row.pair("masked_lm.transform", "bert/cls/predictions/transform/dense", .dense)
        + Row.pair("masked_lm.norm", "bert/cls/predictions/transform/LayerNorm", .norm)
        + [Row("masked_lm.bias", "bert/cls/predictions/output_bias/bias")],
      "sequence-classification": Row.pair("sequence_classification", "sentence_prediction/logits", .dense),
      "token-classification": Row.pair("token_classification", "predictions/transform/logits", .dense),
      "question-answering": Row.pair("question_answering", "predictions/transform/logits", .dense),
    ]
  )

  private static let gardenLayer = "transformer/layer_{}"
}

extension ConfigurationFile {
  /// `bert_config.json` beside such tensors: Google's, whose `gelu` is the tanh approximation here.
  static let modelGardenBERT = ConfigurationFile(
    name: googleBERT.name,
    condition: { _, tensors in
      tensors.contains {
        $0.hasSuffix("word_embeddings/embeddings:0") || $0.hasSuffix("word_embeddings/embeddings")
      }
    },
    constants: ["hidden_act": "gelu"],
    keys: googleBERTKeys,
    implied: ["model_type": "bert", "hidden_act": "gelu_new", "layer_norm_eps": .number("1e-12")],
    equivalents: ["hidden_act": ["gelu_pytorch_tanh", "gelu_fast", "gelu_accurate"]],
    approximations: ["hidden_act": ["gelu", "gelu_python"]],
    completion: { _, standard in
      if standard["hidden_act"] == "gelu" { standard["hidden_act"] = "gelu_new" }
    }
  )
}
