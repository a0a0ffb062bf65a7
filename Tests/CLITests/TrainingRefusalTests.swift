import Foundation
import TestSupport
import Testing

/// What `graft train` refuses, and what it says then.
extension TrainingTests {
  static let refusals: [Row] = [
    Row(
      "train {masked-lm} --data - --eval-data - --output out", code: 64,
      stderr: ["Standard input can be read once: '-' is given more than once."], input: "text\nhe\n"),
    Row(
      "evaluate {masked-lm} --data - -", code: 1,
      stderr: ["standard input can be read once; found '-' more than once"], input: "text\nhe\n"),
    Row(
      "train {masked-lm} --data data.csv --output out --long-texts windows", code: 1,
      stderr: ["the head 'masked-lm' does not label texts as a whole. Leave out --long-texts."],
      prepare: classifier),
    Row(
      "train model --data data.csv --output out --stride 4", code: 1,
      stderr: [
        "--stride: the head 'sequence-classification' does not read long texts in windows. Leave it out, or set --long-texts to windows."
      ],
      prepare: classifier),
    Row(
      "evaluate {masked-lm} --data data.csv --stride 4", code: 1,
      stderr: ["--stride: the head 'masked-lm' does not read long texts in windows. Leave it out."],
      prepare: classifier),
    Row(
      "predict {sequence-classification} he --stride 4", code: 1,
      stderr: ["does not read long texts in windows"]),
    Row(
      "predict {sequence-classification} he --stride 4 --heads sequence-classification", code: 1,
      stderr: ["does not read long texts in windows"]),
    Row(
      "predict trained he", code: 1,
      stderr: [
        "the head 'sequence-classification' was trained on pairs, and this is a single text. Give the second text "
          + "with --pair, or pass --allow-single-texts."
      ], prepare: trainedOnPairs),
    Row(
      "evaluate trained --data single.csv", code: 1,
      stderr: ["single.csv: row 2: the head 'sequence-classification' was trained on pairs"],
      prepare: trainedOnPairs),
    Row(
      "embed trained he --output v.npy", code: 1, stderr: ["was trained on pairs"], prepare: trainedOnPairs),
    Row(
      "train model --data data.csv --output out --eval-text-column a", code: 64,
      stderr: ["--eval-text-column needs --eval-data FILE."], prepare: classifier),
    Row(
      "train model --data data.csv --output out --mlm-probability 0.3", code: 1,
      stderr: [
        "--mlm-probability: the head 'sequence-classification' predicts no hidden tokens. Leave it out."
      ],
      prepare: classifier),
    Row(
      "evaluate {sequence-classification} --data data.csv --mlm-probability 0.15", code: 1,
      stderr: ["predicts no hidden tokens"], prepare: classifier),
    Row(
      "train model --data data.csv --output out --eval-batch-size 8", code: 64,
      stderr: ["--eval-batch-size needs --eval-data FILE or --eval-split P."], prepare: classifier),
    Row(
      "train model --data data.csv --output out --pair-column label", code: 1,
      stderr: [
        "column 'label': the label is no second text. Name another column with --pair-column, or the label's with "
          + "--label-column."
      ], prepare: classifier),
    Row(
      "train model --data rows.jsonl --output out --pair-column label", code: 1,
      stderr: ["column 'label': the label is no second text"],
      prepare: {
        try classifier($0)
        try $0.write("rows.jsonl", #"{"text": "he can", "label": "A"}"# + "\n")
      }),
    Row(
      "train model --data data.csv --output out --group-texts", code: 1,
      stderr: ["only texts that a head learns from without labels can be packed. Leave out --group-texts."],
      prepare: classifier),
    Row(
      "predict model he", code: 1, stderr: ["the head 'sequence-classification' was never trained"],
      prepare: classifier),
    Row(
      "evaluate model --data data.csv", code: 1, stderr: ["was never trained", "--allow-untrained"],
      prepare: classifier),
    Row(
      "predict {masked-lm} he", code: 1,
      stderr: [
        "the head 'masked-lm' says nothing about a text as a whole. It fills masks: 'graft fill-mask'."
      ]),
    Row("predict {base} he", code: 1, stderr: ["the checkpoint has no head"]),
    Row(
      "train {base} --data data.csv --output out", code: 1, stderr: ["the checkpoint has no head"],
      prepare: classifier),
    Row("train model --output out", code: 64, stderr: ["Missing expected argument '--data <FILE> ...'"]),
    Row(
      "train model --data ag_news:dev --output out", code: 64,
      stderr: ["the data set 'ag_news' has no part of that name; expected one of train, test, found 'dev'"],
      prepare: classifier),
    Row(
      "train model --data ag_news --output out --label-base 1", code: 1,
      stderr: ["'ag_news': a data set known by name has its own columns and labels"], prepare: classifier),
    Row(
      "train model --data data.csv ag_news --output out", code: 1,
      stderr: ["'ag_news': a data set known by name cannot be joined with files"], prepare: classifier),
    Row(
      "evaluate model --data ag_news:test --allow-untrained", code: 1,
      stderr: [
        "ag_news/test.csv: not the data set 'ag_news' as it was published; expected 7600 rows, found 1"
      ],
      prepare: {
        try classifier($0)
        try $0.write("ag_news/test.csv", #""3","Title","Text""#)
      }),
    Row(
      "train model --data data.csv --output out --early-stopping-patience 2", code: 64,
      stderr: [
        "--early-stopping-patience: needs data to evaluate on. Pass --eval-data or --eval-split."
      ]),
    Row(
      "train model --data data.csv --output out --eval-data data.csv --eval-strategy no --load-best-model-at-end",
      code: 64,
      stderr: [
        "--load-best-model-at-end: needs evaluations while the run goes on. Set --eval-strategy to epoch or steps."
      ]),
    Row(
      "train model --data data.csv --output out --eval-data data.csv --metric-for-best-model acuracy",
      code: 64,
      stderr: ["--metric-for-best-model: evaluations have no such score", "Did you mean 'accuracy'?"],
      prepare: classifier),
    Row(
      "train model --data data.csv --output out --class-weights A=2,C=3", code: 64,
      stderr: ["--class-weights: there is no label 'C'; expected labels of the head: A, B"],
      prepare: classifier),
    Row(
      "train model --data data.csv --output out --class-weights 2,3", code: 64,
      stderr: ["--class-weights has to be 'balanced', or positive numbers by label such as A=1,B=2.5"]),
    Row(
      "train model --data data.csv --output out --eval-split 0.2 --eval-data data.csv", code: 64,
      stderr: ["Give either --eval-data FILE or --eval-split P."]),
    Row(
      "train {regression} --data nan.csv --output out", code: 1,
      stderr: ["nan.csv: row 3: wrong label; expected ", "found"],
      prepare: { try $0.write("nan.csv", "text,label\nhe,1\nshe,nan\n") }),
    Row(
      "train model --data data.csv --output out --epochs -1", code: 64,
      stderr: ["--epochs: wrong value; expected a positive number, found -1"]),
    Row(
      "train model --data data.csv --output out --mlm-probability 2", code: 64,
      stderr: ["--mlm-probability: wrong value; expected above 0, at most 1, found 2"]),
    Row(
      "train model --data data.csv --output out --batch-size 0", code: 64,
      stderr: ["--batch-size: wrong value"]),
    Row(
      "train model --data data.csv --output out --lr-scheduler step", code: 64,
      stderr: ["'step' is invalid for '--lr-scheduler", "cosine"]),
    Row(
      "train model --data data.csv --output out --eval-strategy epoch", code: 64,
      stderr: ["--eval-strategy epoch needs --eval-data FILE"]),
    Row(
      "train model --data data.csv --output out --eval-on-start", code: 64,
      stderr: ["--eval-on-start needs --eval-data FILE"]),
    Row(
      "evaluate {masked-lm} --data lines.txt --predictions p.jsonl", code: 1,
      stderr: ["the head 'masked-lm' says nothing about a text as a whole"],
      prepare: { try $0.write("lines.txt", "he can\n") }),
    Row("train model --data data.csv --output out --take 0", code: 64, stderr: ["--take must be at least 1"]),
    Row(
      "train model --data data.csv --output out --text-column 0", code: 64,
      stderr: ["no column 0. Columns are counted from 1."]),
    Row(
      "train model --data data.csv --output out --optimizer sgd", code: 64,
      stderr: ["unknown optimizer 'sgd'. Known: adamw."], prepare: classifier),
    Row(
      "train model --data data.csv --output out --precision bfloat16 --backend openblas", code: 1,
      stderr: ["backend 'openblas': multiplies in float32 alone"], prepare: classifier),
    Row(
      "train model --data data.csv --output out --precision float8", code: 64,
      stderr: ["'float8' is invalid for '--precision <TYPE>'", "float32", "bfloat16"]),
    Row(
      "train model --data data.csv --output out --backend reference --precision bfloat16 --profile",
      stdout: [
        "profile of 1 step,", "work", "ms/step", "product: forward", "optimizer: update", "tokens/s",
        "if they were padded", "matrix products with bias and activation:", "of the backend's peak",
        "of copying",
      ], prepare: classifier),
    Row(
      "train model --data data.csv --output out --backend reference --profile --json",
      stdout: ["\"profile\":{\"steps\":1,", "\"of_alone\":", "\"copy_gigabytes_per_second\":", "\"ops\":["],
      prepare: classifier),
    Row(
      "train model --data none.csv --output out", code: 1, stderr: ["graft: error: none.csv: no such file"],
      prepare: classifier),
    Row(
      "train model --data data.csv --output out --text-column body", code: 1,
      stderr: ["data.csv: column 'body': no such column; found the columns 'text', 'label'"],
      prepare: classifier),
    Row(
      "train model --data bad.csv --output out", code: 1,
      stderr: ["bad.csv: row 3: unknown label; expected one of A, B, found 'C'"],
      prepare: {
        try classifier($0); try $0.write("bad.csv", "text,label\nhe,A\nit,C\n")
      }),
    Row(
      "train model --data bad.csv --output out", code: 1, stderr: ["bad.csv", "row 2", "label"],
      prepare: {
        try classifier($0); try $0.write("bad.csv", "text,label\nhe,2\n")
      }),
    Row(
      "train {pretraining} --data pairs.csv --pair-column pair --output out", code: 1,
      stderr: [
        "pairs.csv: row 3: wrong label; expected 0 (the second text follows the first) or 1", "found '3'",
      ],
      prepare: { try $0.write("pairs.csv", "text,pair,label\nhe,she,0\nit,he,3\n") }),
    Row(
      "train model --data empty.csv --output out", code: 1, stderr: ["empty.csv"],
      prepare: {
        try classifier($0); try $0.write("empty.csv", "")
      }),
    Row(
      "evaluate {masked-lm} --data latin.csv", code: 1, stderr: ["latin.csv", "UTF-8"],
      prepare: { try $0.write("latin.csv", Array("text\nd".utf8) + [0xF6] + Array("g\n".utf8)) }),
    Row(
      "train model --data data.csv --output out", code: 1,
      stderr: ["out: the output directory exists and is not empty"],
      prepare: {
        try classifier($0); try $0.write("out/precious.txt", "keep")
      }),
    Row(
      "train model --data data.csv --output trained --max-steps 2", code: 1,
      stderr: ["trained: there is a training run in the output directory. Pass --resume"], prepare: trained),
    Row(
      "train model --data data.csv --output trained --max-steps 1 --batch-size 2 --resume", code: 1,
      stderr: ["--max-steps: differs from the run that is resumed; expected 2, found 1"], prepare: trained),
    Row(
      "train model --data data.csv --output trained --max-steps 2 --batch-size 2 --take 3 --resume",
      code: 1, stderr: ["--data: other rows or labels than those of the run that is resumed"],
      prepare: trained),
    Row(
      "train other --data data.csv --output trained --max-steps 2 --batch-size 2 --resume", code: 1,
      stderr: ["trained/training_args.json: another checkpoint than that of the run that is resumed"],
      prepare: { sandbox in
        try trained(sandbox)
        let outcome = try sandbox.graft([
          "head", "swap", "{base}", "--to", "sequence-classification", "--labels", "A,B,C", "--output",
          "other",
        ])
        try #require(outcome.code == 0)
      }),
    Row(
      "train model --data data.csv --output trained --max-steps 2 --batch-size 2 --backend reference --resume",
      code: 1,
      stderr: ["--backend: differs from the run that is resumed; expected o", ", found reference"],
      prepare: trained),
    Row(
      "train model --data data.csv --output trained --max-steps 2 --batch-size 2 --resume",
      stdout: ["train_loss"], stderr: ["this run had finished before"], prepare: trained),
    Row(
      "train model --data data.csv --output /proc/run", code: 1, stderr: ["/proc/run: "], prepare: classifier),
    Row(
      "train model --data data.csv --output out --strict", code: 1,
      stderr: ["parameters are missing from the checkpoint, which has to be complete"],
      prepare: { sandbox in
        try classifier(sandbox)
        try FileManager.default.removeItem(at: sandbox.url("model"))
        try sandbox.copy("base")
        try sandbox.replace("BertModel", with: "BertForMaskedLM", in: "model/config.json")
      }),
  ]

  @Test(arguments: refusals) func refusal(_ row: Row) throws { try row.check() }
}
