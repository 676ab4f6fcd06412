import type { Project, ServiceStep } from "#shared/contract/projects";
import { AppError, type ErrorInfo } from "#shared/errors";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";

/** What is being done to a project. */
export interface ProjectWork {
  activity: NonNullable<Project["activity"]>;
  operationId: string;
}

/** What is being done to which project, one thing at a time, and what came of the last. */
export class ProjectActivity {
  readonly #operations: OperationService;
  readonly #onChange: (name: string) => void;
  readonly #work = new Map<string, ProjectWork>();
  readonly #steps = new Map<string, Map<string, ServiceStep>>();
  readonly #errors = new Map<string, ErrorInfo>();

  constructor(operations: OperationService, onChange: (name: string) => void) {
    this.#operations = operations;
    this.#onChange = onChange;
  }

  work(name: string): ProjectWork | undefined {
    return this.#work.get(name);
  }

  steps(name: string): ReadonlyMap<string, ServiceStep> {
    return this.#steps.get(name) ?? new Map();
  }

  error(name: string): ErrorInfo | undefined {
    return this.#errors.get(name);
  }

  /** Says how far a service has come. */
  report(name: string, service: string, step: ServiceStep): void {
    this.#steps.get(name)?.set(service, step);
    this.#onChange(name);
  }

  /** Forgets how the last one went. */
  forget(name: string): void {
    this.#steps.delete(name);
    this.#errors.delete(name);
    this.#onChange(name);
  }

  /** FAILED_PRECONDITION while something is being done to it. */
  requireIdle(name: string): void {
    const busy = this.#work.get(name);
    if (!busy) return;
    throw new AppError("FAILED_PRECONDITION", `“${name}” is ${words[busy.activity]} now`, {
      subject: `project "${name}"`,
      hint: "Wait until that has ended, or cancel it.",
    });
  }

  async run(
    name: string,
    activity: ProjectWork["activity"],
    title: string,
    body: (op: OperationContext) => Promise<void>,
  ): Promise<void> {
    this.requireIdle(name);
    await this.#operations.run(
      { kind: `project-${activity}`, title, cancellable: true },
      async (op) => {
        this.#work.set(name, { activity, operationId: op.id });
        this.#steps.set(name, new Map());
        this.#errors.delete(name);
        this.#onChange(name);
        try {
          await body(op);
        } catch (thrown) {
          if (!op.signal.aborted) this.#errors.set(name, AppError.from(thrown).toInfo());
          throw thrown;
        } finally {
          this.#work.delete(name);
          this.#onChange(name);
        }
      },
    );
  }
}

const words: Record<ProjectWork["activity"], string> = {
  up: "being brought up",
  stop: "being stopped",
  down: "being brought down",
  restart: "being restarted",
};
