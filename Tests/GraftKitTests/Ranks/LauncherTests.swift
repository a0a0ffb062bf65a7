import GraftTensors
import Testing

@testable import GraftMPI

/// How a process finds out that it is one of several.
@Suite struct LauncherTests {
  @Test(
    arguments: [
      ([:], nil),
      (["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3"], "Open MPI's mpirun 3/4"),
      (["OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"], nil),
      (["PMI_SIZE": "2", "PMI_RANK": "1"], "a launcher that speaks PMI 1/2"),
      (["PMIX_RANK": "0"], "a launcher that speaks PMIx 0/?"),
      (["PMIX_RANK": "2", "SLURM_STEP_NUM_TASKS": "8"], "a launcher that speaks PMIx 2/8"),
      // A batch script of Slurm's, which no step has begun in.
      (["SLURM_NTASKS": "8", "SLURM_PROCID": "0"], nil),
      (["SLURM_STEP_NUM_TASKS": "1"], nil),
    ] as [([String: String], String?)])
  func launchersAreKnownByTheEnvironment(_ environment: [String: String], _ expected: String?) throws {
    let launcher = try MPILauncher(environment)
    #expect(
      launcher.map { "\($0.name) \($0.rank.map(String.init) ?? "?")/\($0.size.map(String.init) ?? "?")" }
        == expected)
  }

  @Test(arguments: [
    (
      ["SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "0"],
      "8 processes were started by srun without MPI, and do not know each other; expected Open MPI or MPICH, found the "
        + "variable SLURM_STEP_NUM_TASKS. Start it with mpirun, or let srun connect the processes: its option 'mpi' "
        + "set to pmix does."
    ),
    (
      ["MV2_COMM_WORLD_SIZE": "2"],
      "2 processes were started by MVAPICH2, and do not know each other; expected Open MPI or MPICH, found the variable "
        + "MV2_COMM_WORLD_SIZE. Start it with Open MPI's or MPICH's mpirun."
    ),
    (
      ["OMPI_COMM_WORLD_SIZE": "four", "OMPI_COMM_WORLD_RANK": "0"],
      "variable OMPI_COMM_WORLD_SIZE: what a launcher of processes sets is no number; expected a whole number from 1 on, "
        + "found 'four'."
    ),
  ])
  func otherLaunchersAreRefused(_ environment: [String: String], _ message: String) {
    let error = #expect(throws: GraftError.self) { try MPILauncher(environment) }
    #expect(error?.description == message)
  }
}
