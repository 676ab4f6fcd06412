import { Emitter } from "#shared/base/emitter";
import { ProcessSum } from "../runtime/readings.ts";
import type { Process, Task, Tasks, TaskState } from "../runtime/runtime.ts";

/**
 * A Tasks of which only what statistics and process tables read is there. The cgroup's files and the
 * processes are the test's own or this machine's; real containers are in the behaviour tests.
 */
export class StandInTasks {
  readonly all: Task[] = [];
  readonly onEvent = new Emitter<never>().event;

  get tasks(): Tasks {
    const { all, onEvent } = this;
    return {
      onEvent,
      list: () => all,
      get: (_namespace: string, id: string) => all.find((task) => task.id === id),
    } as unknown as Tasks;
  }

  add(
    id: string,
    cgroup: Record<string, string> | undefined,
    pids: number[] = [],
  ): { task: Task; state: TaskState } {
    const state: TaskState = {
      status: "running",
      pid: pids[0],
      startedAt: undefined,
      exit: undefined,
      error: undefined,
    };
    const sum = new ProcessSum();
    const init = { id: "init", state: { status: "running", pid: pids[0] } } as unknown as Process;
    const task = {
      namespace: "default",
      id,
      state,
      cgroup: async () => cgroup,
      pids: async () =>
        pids.map((pid, index) => ({ pid, process: index === 0 ? "init" : undefined })),
      stats: () => sum.read(pids),
      processes: () => [init],
    } as unknown as Task;
    this.all.push(task);
    return { task, state };
  }
}
