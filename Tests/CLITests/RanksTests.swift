import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftCommandLine

/// How processes are started here: as root, and more than there are cores.
enum Ranks {
  static let areHere = FileManager.default.isExecutableFile(atPath: "/usr/bin/mpirun")
  static let environment = ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]
  static func command(_ count: Int) -> String { "mpirun --oversubscribe --bind-to none -n \(count) $GRAFT" }
}

/// `mpirun -n N graft …`, where Open MPI is installed.
@Suite(.serialized, .enabled(if: Ranks.areHere, "mpirun is not installed: the Debian package openmpi-bin"))
struct RanksTests {
  private static let packages = fixtures.appending(path: "packages/train.csv").path
  private static let model = fixtures.appending(path: "bert-tiny/masked-lm").path
  private static let train =
    "train \(model) --data \(packages) --take 40 --max-length 12 --batch-size 4 --threads 1 --logging-steps 1 "
    + "--learning-rate 1e-3 --max-steps 8 --save-steps 3 --output"

  private func losses(_ output: URL) throws -> [Double] {
    let state = try JSON(parsing: Array(Data(contentsOf: output.appending(path: "trainer_state.json"))))
    return (state["log_history"]?.array ?? []).compactMap { $0["loss"]?.double }
  }

  @Test func ranksTrainAsOneProcess() throws {
    try Sandbox.with { sandbox in
      let alone = try sandbox.shell("$GRAFT \(Self.train) alone --gradient-accumulation-steps 2 --quiet")
      try #require(alone.code == 0, "\(alone.stderr)")
      for name in ["first", "second"] {
        let run = try sandbox.shell(
          "\(Ranks.command(2)) \(Self.train) \(name)", environment: Ranks.environment)
        try #require(run.code == 0, "\(run.stderr)")
        // One screen.
        #expect(run.stdout.components(separatedBy: "wrote \(name)").count == 2, "\(run.stdout)")
        #expect(run.stderr.components(separatedBy: "training on 40 examples").count == 2, "\(run.stderr)")
      }
      let (expected, found) = (try losses(sandbox.url("alone")), try losses(sandbox.url("first")))
      #expect(found.count == 8)
      for (found, expected) in zip(found, expected) { #expect(abs(found / expected - 1) < 1e-5) }
      for file in ["model.safetensors", "checkpoint-8/optimizer.safetensors"] {
        let data = try ["first", "second"].map { try Data(contentsOf: sandbox.url("\($0)/\(file)")) }
        #expect(data[0] == data[1], "\(file)")
      }
    }
  }

  /// A model of so many words that the gradient of their embeddings gathers in memory that the ranks share.
  @Test func ranksThatShareGradientsTrainAsOneProcess() throws {
    try Sandbox.with { sandbox in
      let train =
        "train large --data \(Self.packages) --take 40 --max-length 12 --batch-size 4 --threads 1 --logging-steps 1 "
        + "--learning-rate 1e-3 --max-steps 4 --save-strategy no --quiet --output"
      let made = try sandbox.shell(
        """
        cp -r \(Self.model) start && sed -i 's/"vocab_size": 260/"vocab_size": 2000/' start/config.json
        $GRAFT init start --head masked-lm --output large --quiet
        """)
      try #require(made.code == 0, "\(made.stderr)")
      let alone = try sandbox.shell("$GRAFT \(train) alone --gradient-accumulation-steps 3")
      try #require(alone.code == 0, "\(alone.stderr)")
      for (name, option) in [("first", ""), ("second", ""), ("average", "--ema-decay 0.9")] {
        let run = try sandbox.shell(
          "\(Ranks.command(3)) \(train) \(name) \(option)", environment: Ranks.environment)
        try #require(run.code == 0, "\(run.stderr)")
      }
      let expected = try losses(sandbox.url("alone"))
      #expect(expected.count == 4)
      for name in ["first", "average"] {
        for (found, expected) in zip(try losses(sandbox.url(name)), expected) {
          #expect(abs(found / expected - 1) < 1e-5, "\(name)")
        }
      }
      let data = try ["first", "second"].map {
        try Data(contentsOf: sandbox.url("\($0)/model.safetensors"))
      }
      #expect(data[0] == data[1])
    }
  }

  /// What of the exchange is exposed, for people and for machines.
  @Test func theProfileHasTheExchange() throws {
    try Sandbox.with { sandbox in
      let text = try sandbox.shell(
        "\(Ranks.command(2)) \(Self.train) text --profile", environment: Ranks.environment)
      let line = try #require(
        text.stdout.split(separator: "\n").first { $0.hasPrefix("exchange with other ranks: ") })
      #expect(
        line.contains(" ms a step exposed, of which ") && line.contains(" ms slow the backward pass down; ")
          && line.hasSuffix(" ms hidden behind it"), "\(line)")
      let json = try sandbox.shell(
        "\(Ranks.command(2)) \(Self.train) json --profile --json", environment: Ranks.environment)
      let last = try #require(json.stdout.split(separator: "\n").last)
      let profile = try #require(try JSON(parsing: Array(last.utf8))["profile"])
      let exchange = try #require(profile["exchange"]?.object)
      func seconds(_ name: String) throws -> Double { try #require(exchange["\(name)_seconds"]?.double) }
      #expect(exchange.keys.sorted() == ["exposed", "hidden", "slowdown", "waiting"].map { "\($0)_seconds" })
      #expect(try abs(seconds("exposed") - seconds("waiting") - seconds("slowdown")) < 1e-9)
      #expect(try seconds("hidden") < profile["seconds"]?.double ?? 0)
    }
  }

  /// A rank that is killed ends all at once; the run goes on alone from the last checkpoint.
  @Test func aRankThatIsKilledEndsTheRunWhichGoesOn() throws {
    try Sandbox.with { sandbox in
      let long = Self.train.replacing("--max-steps 8", with: "--max-steps 100000")
      let started = Date()
      let killed = try sandbox.shell(
        """
        \(Ranks.command(2)) \(long) run --quiet & job=$!
        while [ ! -d run/checkpoint-3 ]; do sleep 0.05; done
        pkill -KILL -P $job -n
        wait $job
        """, environment: Ranks.environment)
      #expect(killed.code != 0 && killed.stderr.contains("rank"), "\(killed.stderr)")
      #expect(-started.timeIntervalSinceNow < 20)
      let resumed = try sandbox.shell(
        """
        newest() { ls -d run/checkpoint-* | sort -V | tail -1; }
        before=$(newest)
        $GRAFT \(long) run --resume & job=$!
        while [ "$(newest)" = "$before" ] && kill -0 $job; do sleep 0.05; done
        kill -TERM $job
        wait $job
        """)
      #expect(resumed.code == 143 && resumed.stderr.contains("resuming after step"), "\(resumed.stderr)")
    }
  }

  /// The signal that a batch system sends reaches one rank, and all save and stop.
  @Test func aSignalToOneRankStopsAll() throws {
    try Sandbox.with { sandbox in
      let long = Self.train.replacing(
        "--max-steps 8 --save-steps 3", with: "--max-steps 100000 --save-steps 90000")
      let stopped = try sandbox.shell(
        """
        \(Ranks.command(2)) \(long) run --logging-steps 1 & job=$!
        while [ ! -f run/training_args.json ]; do sleep 0.05; done
        sleep 0.5
        pkill -TERM -P $job -n
        wait $job
        """, environment: Ranks.environment)
      #expect(stopped.code == 143, "\(stopped.stderr)")
      let advice = "resume with, started by the same launcher:"
      #expect(stopped.stderr.components(separatedBy: advice).count == 2, "\(stopped.stderr)")
      let names = try FileManager.default.contentsOfDirectory(atPath: sandbox.url("run").path)
      #expect(names.count { $0.hasPrefix("checkpoint-") } == 1)
    }
  }

  @Test func evaluationsAreThoseOfOneProcess() throws {
    try Sandbox.with { sandbox in
      let evaluate =
        "evaluate \(Self.model) --data \(Self.packages) --take 70 --max-length 12 --threads 1 --quiet --output"
      let alone = try sandbox.shell("$GRAFT \(evaluate) alone.json")
      try #require(alone.code == 0, "\(alone.stderr)")
      let run = try sandbox.shell(
        "\(Ranks.command(2)) \(evaluate) ranks.json", environment: Ranks.environment)
      try #require(run.code == 0, "\(run.stderr)")
      #expect(
        try Killing.withoutTimes(sandbox.url("ranks.json")) == Killing.withoutTimes(sandbox.url("alone.json"))
      )
    }
  }

  /// Rank 0 reads a pipe and writes; the other one computes with it.
  @Test func vectorsAreThoseOfOneProcess() throws {
    try Sandbox.with { sandbox in
      let embed =
        "embed \(Self.model) --input - --pooling mean --normalize --max-length 12 --threads 1 --quiet --output"
      let texts = "tail -n +2 \(Self.packages) | cut -c 2-60 | tr -d ',\"'"
      let alone = try sandbox.shell("\(texts) | $GRAFT \(embed) alone.npy")
      try #require(alone.code == 0, "\(alone.stderr)")
      let run = try sandbox.shell(
        "\(texts) | \(Ranks.command(2)) \(embed) ranks.npy", environment: Ranks.environment)
      try #require(run.code == 0, "\(run.stderr)")
      for file in ["npy", "npy.json"] {
        let data = try ["alone", "ranks"].map { try Data(contentsOf: sandbox.url("\($0).\(file)")) }
        #expect(data[0] == data[1] && data[0].count > 500, "\(file)")
      }
    }
  }

  @Test func whatIsNotReadyForRanksIsRefused() throws {
    try Sandbox.with { sandbox in
      for (command, name) in [
        ("tokenize \(Self.model) hello", "tokenize"), ("inspect \(Self.model)", "inspect"),
      ] {
        let run = try sandbox.shell("\(Ranks.command(2)) \(command)", environment: Ranks.environment)
        #expect(run.code != 0)
        #expect(
          run.stderr.contains(
            "graft: error: '\(name)' runs in one process; found 2, started by Open MPI's mpirun. Start it alone. "
              + "Only train, run, evaluate, predict, tag, answer, embed, rerank, fill-mask and doctor run on ranks."
          ), "\(run.stderr)")
        #expect(run.stderr.components(separatedBy: "graft: error").count == 2)
      }
    }
  }

  /// What training adds up gradients in: memory that processes of one machine all see.
  @Test func doctorMeasuresTheMemoryThatProcessesShare() throws {
    try Sandbox.with { sandbox in
      let run = try sandbox.shell("\(Ranks.command(2)) doctor --json", environment: Ranks.environment)
      let mpi = try #require(try JSON(parsing: Array(run.stdout.utf8))["mpi"])
      #expect(mpi["shares_memory"]?.bool == true && mpi["hosts"]?.array?.count == 2)
      let rates = try #require(mpi["gradient_gigabytes_per_second"]?.object)
      #expect(rates.keys.sorted() == ["bfloat16", "float32"])
      #expect(rates.values.allSatisfy { $0.double ?? 0 > 0 } && mpi["latency_microseconds"]?.double ?? 0 > 0)
    }
  }

  /// The network between the ranks is planned with as well.
  @Test func doctorMeasuresTheNetworkItPlansWith() throws {
    try Sandbox.with { sandbox in
      let plan = "doctor --plan \(Self.model) --batch-size 2 --tokens 8 --cores 1 --bandwidth 10 --json"
      let run = try sandbox.shell("\(Ranks.command(2)) \(plan)", environment: Ranks.environment)
      let report = try JSON(parsing: Array(run.stdout.utf8))
      let networks = try #require(report["networks"]?.array)
      let names = networks.compactMap { $0["name"]?.string }
      #expect(names.count == 2 && names[0] == "10 Gb/s", "\(names)")
      #expect(names.last?.contains("measured between these ranks") == true, "\(names)")
      let measured = networks.last?["gigabits_per_second"]?.double ?? 0
      #expect(measured > 0.1 && measured != 10)
      #expect(networks.allSatisfy { $0["predictions"]?.array?.count == 8 })
      #expect(report["cpu_seconds_per_gigabyte"]?.double ?? 0 > 0)
    }
  }

  @Test func ranksWithOtherCommandsAreRefused() throws {
    try Sandbox.with { sandbox in
      let run = try sandbox.shell(
        "\(Ranks.command(1)) \(Self.train) out --seed 1 : -n 1 $GRAFT \(Self.train) out --seed 2",
        environment: Ranks.environment)
      #expect(run.code != 0 && run.stderr.contains("has another 'command' than rank 0 on"), "\(run.stderr)")
      #expect(try sandbox.listing().isEmpty)
    }
  }

  @Test func anErrorIsSaidOnce() throws {
    try Sandbox.with { sandbox in
      let run = try sandbox.shell(
        "\(Ranks.command(2)) train \(Self.model) --data nothing.csv --output out",
        environment: Ranks.environment)
      #expect(run.code != 0 && run.stderr.components(separatedBy: "graft: error").count == 2, "\(run.stderr)")
      #expect(run.stderr.contains("nothing.csv"))
    }
  }

  /// A script may share work by hand among processes that `srun` started and nothing connects; training is not shared so.
  @Test func whatDoesNotTrainRunsInProcessesThatDoNotKnowEachOther() throws {
    try Sandbox.with { sandbox in
      let environment = ["SLURM_STEP_NUM_TASKS": "8"]
      let tokens = try sandbox.graft(["tokenize", "{masked-lm}", "he is"], environment: environment)
      #expect(tokens.code == 0 && !tokens.stdout.isEmpty, "\(tokens.stderr)")
      let training = try sandbox.graft(
        ["train", "{masked-lm}", "--data", Self.packages, "--output", "out"], environment: environment)
      #expect(training.code == 1 && training.stderr.contains("do not know each other"), "\(training.stderr)")
      #expect(try sandbox.listing().isEmpty)
    }
  }

  /// Processes that a launcher started, of whose MPI there is no library.
  @Test func aLauncherWithoutItsLibraryIsRefused() throws {
    try Sandbox.with { sandbox in
      let run = try sandbox.graft(
        ["train", "{masked-lm}", "--data", Self.packages, "--output", "out"],
        environment: ["PMI_SIZE": "3", "PMI_RANK": "0"])
      #expect(run.code == 1)
      #expect(
        run.stderr.contains("MPI's library is of another MPI than the launcher")
          || run.stderr.contains("MPI's library is not installed"), "\(run.stderr)")
      #expect(try sandbox.listing().isEmpty)
    }
  }

  @Test func ranksThatLeaveCoresIdleAreWarnedOf() {
    func placement(_ host: String, _ list: String, of available: Int) -> Placement {
      Placement(host: host, allowed: Placement.numbers(list), available: available)
    }
    #expect(Placement.numbers("0-3,8") == [0, 1, 2, 3, 8] && Placement.numbers("").isEmpty)
    #expect(
      Placement.warning([
        placement("a", "0-1", of: 4), placement("b", "0", of: 64), placement("a", "2-3", of: 4),
      ])
        == "the rank on b may use 1 of 64 CPUs: start mpirun with --bind-to none, or srun with more --cpus-per-task"
    )
    #expect(
      Placement.warning([placement("a", "0", of: 64), placement("a", "1", of: 64)])?.hasPrefix(
        "the 2 ranks on a may use 2 of 64 CPUs") == true)
    #expect(Placement.warning([placement("a", "0-2", of: 4)])?.contains("3 of 4 CPUs") == true)
    // What a system does not tell is nobody's fault.
    #expect(Placement.warning([placement("a", "0-63", of: 64), placement("b", "", of: 64)]) == nil)
  }

  @Test func oneRankIsOneProcess() throws {
    try Sandbox.with { sandbox in
      let training = try sandbox.shell(
        "\(Ranks.command(1)) \(Self.train) one --gradient-precision float32 --rank-timeout 5",
        environment: Ranks.environment)
      #expect(
        training.code == 0
          && training.stderr.contains(
            "--gradient-precision and --rank-timeout: there is one process; mpirun starts several"),
        "\(training.stderr)")
      let run = try sandbox.shell("\(Ranks.command(1)) predict --help", environment: Ranks.environment)
      #expect(run.code == 0 && run.stdout.contains("predict"))
    }
  }
}
