import Foundation
import Testing

/// Training, evaluating and predicting.
@Suite struct TrainingTests {
  static let rows: [Row] = [
    Row(
      "train model --data data.csv --output out --epochs 2 --batch-size 2 --logging-steps 1 --eval-data data.csv",
      stdout: ["train_runtime", "train_samples                    4\n", "eval_accuracy", "wrote out\n"],
      stderr: [
        "training on 4 examples: 4 steps, 2 in an epoch; ", ", float32\n", "step 1/4  epoch 0.50  loss ",
        "  lr 5e-05  ",
        "step 2/4  epoch 1.00  eval_accuracy ", "saved out/checkpoint-4\n",
      ],
      prepare: classifier),
    Row(
      "train model --data data.csv --output out --epochs 1 --batch-size 2 --logging-steps 1 --json",
      stdout: [
        #"{"event":"started","examples":4,"total_steps":2,"#, #""precision":"float32"}"#,
        #"{"event":"logged","epoch":0.5,"#,
        #"{"event":"saved","checkpoint":"out/checkpoint-2"}"#, #"{"event":"finished","output":"out","#,
      ],
      prepare: classifier),
    Row(
      "train {masked-lm} --data lines.txt --output out --max-steps 2 --quiet", stdout: ["train_loss"],
      prepare: { try $0.write("lines.txt", "he can do it\nshe is the one\n") }),
    Row(
      "train model --data data.csv --output out --max-steps 1 --freeze-backbone --dropout 0 --no-shuffle",
      prepare: classifier),
    Row(
      "evaluate trained --data data.csv", stdout: ["eval_accuracy", "eval_samples                     4\n"],
      prepare: trained),
    Row(
      "evaluate trained --data data.csv --take 2 --shuffle-seed 1 --json --output e.json",
      stdout: ["\"eval_samples\": 2", "\"confusion_matrix\": ["], prepare: trained),
    Row(
      "evaluate trained --data data.csv --predictions p.jsonl",
      stdout: [
        "label          precision  recall      f1  support\n", "macro average", "actual \\ predicted  A  B\n",
      ],
      prepare: trained),
    Row(
      "evaluate trained --data data.csv --output data.csv", code: 1,
      stderr: ["data.csv: a file of that name exists. Choose another name or remove it first."],
      prepare: trained),
    Row(
      "evaluate trained --data data.csv --predictions trained", code: 1,
      stderr: ["trained: a directory of that name exists"], prepare: trained),
    Row(
      "evaluate trained --data data.csv --output none/e.json", code: 1,
      stderr: ["none/e.json: cannot be written (No such file or directory)"], prepare: trained),
    Row(
      "evaluate trained --data data.csv --output e.json --predictions ./e.json", code: 64,
      stderr: ["--output and --predictions name the same file."], prepare: trained),
    Row("evaluate trained --data data.csv --predictions /dev/null", prepare: trained),
    Row(
      "evaluate {masked-lm} --data lines.txt --pseudo-perplexity", stdout: ["eval_pseudo_perplexity"],
      prepare: { try $0.write("lines.txt", "he can do it\nshe is the one\n") }),
    Row(
      "train model --data data.csv --output out --epochs 4 --batch-size 2 --eval-split 0.5 --early-stopping-patience 1 "
        + "--early-stopping-threshold 9 --load-best-model-at-end --metric-for-best-model loss",
      stdout: ["eval_loss", "train_samples                    2\n"],
      stderr: [
        "training on 2 rows, evaluating on 2 of the same data\n",
        "stopped after step 2: 1 evaluation without progress\n",
      ], prepare: classifier),
    Row(
      "train model --data data.csv --output out --epochs 4 --batch-size 4 --eval-data data.csv --learning-rate 1e-30 "
        + "--early-stopping-patience 1 --metric-for-best-model loss",
      stderr: [
        "stopped after step 2: 1 evaluation without progress; the model is that of the last step, and step 1 was the best: --load-best-model-at-end keeps it\n"
      ], prepare: classifier),
    Row(
      "train model --data data.csv --output out --max-steps 1 --eval-data data.csv --load-best-model-at-end "
        + "--eval-strategy steps --save-strategy steps --eval-steps 1 --save-steps 1 --metric-for-best-model balanced_accuracy",
      stderr: [" eval_balanced_accuracy ", "the best model is that of step 1: eval_balanced_accuracy "],
      prepare: classifier),
    Row(
      "train model --data data.csv --output out --max-steps 1 --eval-data dev=data.csv test=data.csv --json",
      stdout: [#""eval_dev_loss":"#, #""eval_test_accuracy":"#, #""eval_test_samples":4"#],
      prepare: classifier),
    Row(
      "train model --data data.csv --output trained --max-steps 3 --batch-size 2 --resume",
      stdout: ["wrote trained\n"],
      stderr: [
        "extending the run from 2 steps to 3: the learning rate had come to 2.5e-05 and goes on with 1.67e-05, as of a run "
          + "of that length\n"
      ], prepare: trained),
    Row(
      "train model --data data.csv --output trained --max-steps 2 --batch-size 2 --resume",
      stdout: ["wrote trained\n"],
      stderr: ["the run in trained has no checkpoint yet: it starts from the beginning\n"],
      prepare: {
        try trained($0)
        #expect(try $0.shell("cd trained && rm -r checkpoint-* all_results.json").code == 0)
      }),
    Row(
      "train model --data data.csv --output out --max-steps 2 --class-weights balanced --label-smoothing-factor 0.1 "
        + "--focal-gamma 2 --lr-scheduler polynomial --lr-scheduler-kwargs power=2 --warmup-ratio 0.5 --layer-decay 0.9 "
        + "--head-learning-rate 1e-3 --unfreeze-every-n-steps 1 --ema-decay 0.9",
      stdout: ["train_loss"], prepare: classifier),
    Row(
      "train model --data data.csv --output out --max-steps 1 --eval-data data.csv --eval-on-start",
      stderr: ["step 0  epoch 0.00  eval_accuracy "], prepare: classifier),
    Row("predict trained", ["he can", "do\tit"], stdout: ["\the can\n", "\tdo it\n"], prepare: trained),
    Row(
      "predict trained he --json", stdout: ["\"labels\": [", "\"scores\": {\n      \"A\": 0."],
      prepare: trained),
    Row("predict trained --input -", stdout: ["\the\n"], input: "he\n", prepare: trained),
    Row("predict {regression} he", stdout: ["-\t"]),
    Row(
      "train model --data data.csv --output trained --max-steps 2 --batch-size 2 --resume",
      stdout: ["train_samples             1e+300\n"],
      prepare: {
        try trained($0)
        for name in ["train", "all"] {
          try $0.replace(
            "\"train_samples\": 4", with: "\"train_samples\": 1e300", in: "trained/\(name)_results.json")
        }
      }),
    Row(
      "train {masked-lm} --data blank.csv --output out --batch-size 1 --epochs 1 --max-length 4",
      stdout: ["train_samples             2\n"],
      stderr: [
        "warning: 1 of 4 texts is longer than 4 tokens and is cut\n",
        "warning: 2 rows without any token to learn from are left out (rows 3, 5)\n",
      ],
      prepare: { try $0.write("blank.csv", "text\nthe world\n\"\"\nteam won game\n\" \"\n") }),
    Row(
      "train {masked-lm} --data words.txt --output out --batch-size 1 --epochs 1 --max-length 8 --group-texts --json",
      stdout: ["\"event\":\"prepared\",\"split\":\"training\",\"rows\":4,\"examples\":3,\"max_length\":8,"],
      prepare: { try $0.write("words.txt", String(repeating: "the world won\n", count: 4)) }),
    Row(
      "train model --data data.csv --eval-data other.tsv --eval-text-column words --eval-label-column name "
        + "--output out --max-steps 1",
      stdout: ["eval_accuracy"],
      stderr: [
        "read 4 rows of data.csv: column 'text', label 'label'\n",
        "read 1 row of other.tsv: column 'words', label 'name'\n",
      ],
      prepare: {
        try classifier($0)
        try $0.write("other.tsv", "name\twords\nA\the can\n")
      }),
    Row("predict trained he --pair do", stdout: ["\the\tdo\n"], prepare: trainedOnPairs),
    Row(
      "predict trained he --allow-single-texts", stdout: ["\the\n"],
      stderr: ["warning: the head 'sequence-classification' was trained on pairs"], prepare: trainedOnPairs),
    Row(
      "train trained --data single.csv --output out --max-steps 1",
      stderr: [
        "warning: single.csv: row 2: the head was trained on pairs, and goes on with single texts. Name the column of the "
          + "second text with --pair-column."
      ], prepare: trainedOnPairs),
    Row(
      "train trained --data pairs.csv --output out --max-steps 1", stdout: ["train_samples"],
      stderr: ["before, the head was trained with 6: --max-length 6 goes on so\n"], prepare: trainedOnPairs),
    Row(
      "predict trained --input single.csv", code: 1,
      stderr: ["Name the column of the second text with --pair-column, or pass --allow-single-texts."],
      prepare: trainedOnPairs),
    Row(
      "predict trained --input single.csv --pair he", code: 64,
      stderr: ["--pair goes with texts as arguments; a file has a column for it: --pair-column."],
      prepare: trainedOnPairs),
    Row(
      "train model --data named.csv --output out --max-steps 1 --resume", code: 1,
      stderr: [
        "there is no run in out to go on with: this is a new one\n",
        "read 2 rows of named.csv: column 'text', not read: 'id', 'category'\n",
        "row 2: there is no label; expected one of A, B, found columns that are not read: 'id', 'category'. Say which column "
          + "has it: --label-column.",
      ],
      prepare: {
        try classifier($0)
        try $0.write("named.csv", "id,text,category\n1,he can,A\n2,she is,B\n")
      }),
    Row(
      "predict trained --input pairs.csv", stdout: ["\the can do it\tshe can\n"],
      stderr: [
        "read 4 rows of pairs.csv: column 'premise', pair 'hypothesis'\n",
        "warning: 4 of 4 texts are longer than 6 tokens and are cut\n",
      ], prepare: trainedOnPairs),
    Row(
      "evaluate trained --data pairs.csv", stdout: ["eval_samples                     4\n"],
      stderr: ["read 4 rows of pairs.csv: column 'premise', pair 'hypothesis', label 'class'\n"],
      prepare: trainedOnPairs),
    Row(
      "predict trained --input pairs.csv --max-length 64 --json", stdout: ["\"pair\": \"she can\""],
      prepare: trainedOnPairs),
    Row("embed trained --input pairs.csv --output v.npy", stdout: ["[4, 32]"], prepare: trainedOnPairs),
    Row(
      "evaluate trained --data data.csv --max-length 3 --json",
      stdout: ["\"truncated_texts\": 4,\n  \"max_length\": 3\n"], prepare: trained),
    Row(
      "train model --data data.csv --eval-data data.csv --output out --max-length 4 --stride 1 --max-steps 1 "
        + "--long-texts windows --json",
      stdout: [
        "\"split\":\"training\",\"rows\":4,\"examples\":", "eval_accuracy", "\"eval_samples\":4,",
        "\"train_samples\":4,", "\"train_windows\":8",
      ],
      stderr: ["4 texts in 8 windows of at most 4 tokens\n"],
      prepare: classifier),
    Row(
      "train model --data data.csv --output out --max-length 512 --max-steps 1",
      stderr: ["warning: texts of 512 tokens were asked for, and the model takes 64 at most"],
      prepare: classifier),
    Row("head list trained", stdout: ["4 examples of pairs.csv, 2 steps, on pairs"], prepare: trainedOnPairs),
    // Another head knows nothing of pairs; the old one still does when it comes back.
    Row("predict swapped he --allow-untrained", stdout: ["\the\n"], prepare: swappedAfterPairs),
    Row(
      "evaluate trained --data data.csv", stderr: ["read 4 rows of data.csv: column 'text', label 'label'\n"],
      prepare: trained),
    Row("head list trained", stdout: ["trained on 4 examples of data.csv, 2 steps"], prepare: trained),
    Row(
      "inspect trained --lineage", stdout: [", data data.csv, data_hash 4-", ", examples 4, steps 2\n"],
      prepare: trained),
    Row("predict model he --allow-untrained", stdout: ["\the\n"], prepare: classifier),
  ]

  @Test(arguments: rows) func row(_ row: Row) throws { try row.check() }

  /// The topic of a single text is no relation between two: pretraining leaves it, and what it would train, alone.
  @Test func aTopicTrainsNoNextSentenceHead() throws {
    try Sandbox.with { sandbox in
      try sandbox.write("topics.csv", "text,label\nhe can do it,0\nshe is,3\n")
      let arguments = [
        "--data", "topics.csv", "--output", "out", "--max-steps", "2", "--weight-decay", "0.1",
      ]
      let trained = try sandbox.graft(["train", "{pretraining}"] + arguments)
      #expect(trained.code == 0, "\(trained.stderr)")
      let changes = try sandbox.graft(["diff", "{pretraining}", "out"])
      #expect(changes.stdout.contains("masked_lm.bias"), "\(changes.stdout)")
      #expect(!changes.stdout.contains("next_sentence") && !changes.stdout.contains("pooler"))
    }
  }

  /// A classifier that was never trained, and four rows of data.
  @Sendable static func classifier(_ sandbox: Sandbox) throws { try classifierFiles.write(into: sandbox) }

  /// The classifier after two steps.
  @Sendable static func trained(_ sandbox: Sandbox) throws { try trainedFiles.write(into: sandbox) }

  /// A classifier that was trained on pairs, in columns of other names, of up to 6 tokens.
  @Sendable static func trainedOnPairs(_ sandbox: Sandbox) throws { try pairFiles.write(into: sandbox) }

  @Sendable static func swappedAfterPairs(_ sandbox: Sandbox) throws {
    try trainedOnPairs(sandbox)
    let outcome = try sandbox.graft([
      "head", "swap", "trained", "--to", "sequence-classification", "--labels", "X,Y,Z", "--output",
      "swapped",
    ])
    try #require(outcome.code == 0, "\(outcome.stderr)")
  }

  private static let pairFiles = Prepared { sandbox in
    try classifier(sandbox)
    let rows = ["A", "B", "A", "B"].map { "he can do it,she can,\($0)\n" }.joined()
    try sandbox.write("pairs.csv", "premise,hypothesis,class\n" + rows)
    try sandbox.write("single.csv", "text,label\nhe can,A\n")
    let outcome = try sandbox.graft([
      "train", "model", "--data", "pairs.csv", "--text-column", "premise", "--pair-column", "hypothesis",
      "--label-column", "class", "--max-length", "6", "--output", "trained", "--max-steps", "2",
      "--batch-size", "2",
    ])
    try #require(outcome.code == 0, "\(outcome.stderr)")
  }

  private static let classifierFiles = Prepared { sandbox in
    try sandbox.write("data.csv", "text,label\nhe can do it,A\nshe is,B\nthe one,A\nof it,B\n")
    let outcome = try sandbox.graft([
      "head", "swap", "{base}", "--to", "sequence-classification", "--labels", "A,B", "--output", "model",
    ])
    try #require(outcome.code == 0, "\(outcome.stderr)")
  }

  private static let trainedFiles = Prepared { sandbox in
    try classifier(sandbox)
    let outcome = try sandbox.graft([
      "train", "model", "--data", "data.csv", "--output", "trained", "--max-steps", "2", "--batch-size", "2",
    ])
    try #require(outcome.code == 0, "\(outcome.stderr)")
  }

  /// Ctrl-C saves, says how to go on, and what it says works: to the same weights as an undisturbed run.
  @Test(arguments: [("INT", 130), ("TERM", 143), ("HUP", 129)])
  func interruptionSavesAndResumes(_ signal: String, _ code: Int) throws {
    try Sandbox.with { sandbox in
      try Self.classifier(sandbox)
      let outcome = try sandbox.shell(
        """
        train="$GRAFT train model --data data.csv --batch-size 1 --max-steps 2000 --save-steps 5000"
        # Or a job in the background would ignore Ctrl-C.
        set -m
        $train --output 'a run' 2>log & pid=$!
        set +m
        until grep -q 'step 50/' log; do sleep 0.02; done
        kill -\(signal) $pid; wait $pid; echo "code $?"
        ls 'a run'
        eval "$(tail -1 log)" >/dev/null || exit 1
        $train --output whole >/dev/null
        cmp 'a run/model.safetensors' whole/model.safetensors && echo same
        cat log >&2
        """)
      #expect(outcome.code == 0)
      #expect(outcome.stdout.hasPrefix("code \(code)\ncheckpoint-"), "\(outcome.stdout)\n\(outcome.stderr)")
      #expect(outcome.stdout.hasSuffix("same\n"))
      #expect(outcome.stderr.contains("stopping after this step"))
      #expect(outcome.stderr.contains("interrupted after step "))
      #expect(outcome.stderr.contains("--output 'a run' --resume\n"))
    }
  }

  @Test("Ctrl-C does not end a job in the background of a script") func ignoredInterruption() throws {
    try Sandbox.with { sandbox in
      try Self.classifier(sandbox)
      let outcome = try sandbox.shell(
        """
        $GRAFT train model --data data.csv --batch-size 1 --max-steps 2000 --output run >/dev/null 2>log & pid=$!
        until grep -q 'step 50/' log; do sleep 0.02; done
        kill -INT $pid; wait $pid; echo "code $?"
        """)
      #expect(outcome.stdout == "code 0\n", "\(outcome.stdout)")
    }
  }

  /// Every load ends in a report on standard error, which --quiet silences.
  @Test(arguments: [
    ("predict {sequence-classification} he", "sequence-classification (backbone: 39 loaded, sequence-"),
    (
      "evaluate {sequence-classification} --data data.csv", "sequence-classification (backbone: 39 loaded"
    ),
    ("embed {base} he --output vectors.npy", "base (backbone: 39 loaded)\n"),
    ("verify {base} --golden {base}/golden.safetensors", "base (backbone: 39 loaded)\n"),
    ("fill-mask {masked-lm} [MASK]", "masked-lm (backbone: 37 loaded, masked-lm: 5 loaded)\n"),
    ("fill-mask {legacy-gamma-beta} [MASK]", "legacy-gamma-beta\n  backbone: 39 loaded, 10 of them renamed"),
  ])
  func everyLoadIsReported(_ command: String, _ report: String) throws {
    try Sandbox.with { sandbox in
      try sandbox.write("data.csv", "text,label\nhe can do it,0\n")
      let arguments = command.split(separator: " ").map(String.init) + ["--strict"]
      let plain = try sandbox.graft(arguments)
      #expect(plain.code == 0)
      for name in ["vectors.npy", "vectors.npy.json"] where command.hasPrefix("embed") {
        try FileManager.default.removeItem(at: sandbox.url(name))
      }
      #expect(plain.stderr.hasPrefix("loaded ") && plain.stderr.contains("/\(report)"), "\(plain.stderr)")
      #expect(try sandbox.graft(arguments + ["--quiet"]).stderr == "")
    }
  }

  /// --strict refuses what is not complete, in every command that loads.
  @Test(arguments: [
    "predict model he", "evaluate model --data data.csv", "embed model he --output vectors.npy",
    "verify model --golden model/golden.safetensors", "fill-mask model [MASK]",
  ])
  func strictnessRefuses(_ command: String) throws {
    try Row(
      command + " --strict", code: 1,
      stderr: ["parameters are missing from the checkpoint, which has to be complete"],
      prepare: { sandbox in
        try sandbox.write("data.csv", "text\nhe can do it\n")
        try sandbox.copy("base")
        try sandbox.replace("BertModel", with: "BertForMaskedLM", in: "model/config.json")
      }
    ).check()
  }

  /// That a slow backend runs in the place of a missing one is said.
  @Test func theSlowBackendIsAnnounced() throws {
    try Sandbox.with { sandbox in
      for name in ["openblas.so.0", "openblas.so", "dnnl.so.3", "dnnl.so.2", "dnnl.so"] {
        try sandbox.write("lib\(name)", "no library")
      }
      let command = "$GRAFT embed '\(sandbox.resolve("{base}"))' he --output"
      let outcome = try sandbox.shell("LD_LIBRARY_PATH=$PWD \(command) a.npy")
      #expect(outcome.code == 0)
      #expect(outcome.stderr.contains("warning: backend 'openblas': "), "\(outcome.stderr)")
      #expect(outcome.stderr.contains("warning: backend 'onednn': "), "\(outcome.stderr)")
      #expect(outcome.stderr.contains("Using 'reference', which is slow."))
      // A library that is optional is not missed.
      let second = try sandbox.shell("rm libopenblas*; LD_LIBRARY_PATH=$PWD \(command) b.npy")
      #expect(second.code == 0 && !second.stderr.contains("warning"), "\(second.stderr)")
    }
  }

  /// On a terminal there is a bar; elsewhere there is not.
  @Test func barIsForTerminals() throws {
    try Sandbox.with { sandbox in
      try Self.classifier(sandbox)
      let command = "$GRAFT train model --data data.csv --max-steps 2"
      let plain = try sandbox.shell("\(command) --output a")
      #expect(plain.code == 0 && !plain.stderr.contains("\u{1B}") && !plain.stderr.contains("\r"))
      let terminal = try sandbox.shell("script -qec \"\(command) --output b\" /dev/null")
      #expect(terminal.code == 0)
      #expect(terminal.stdout.contains("\rtraining 100% █"), "\(terminal.stdout)")
    }
  }
}
