import type { ErrorCode } from "#shared/errors";
import type { SetUpStep } from "#shared/contract/shell";
import { CodeBlock } from "../../components/code-block.tsx";
import { useServiceSetUp } from "../../queries/manager.ts";

/** What is to be done about each failure to reach the machine's manager; others say it themselves. */
const remedies: Partial<Record<ErrorCode, SetUpStep["kind"][]>> = {
  NOT_FOUND: ["install", "start", "join"],
  UNAVAILABLE: ["start"],
};

/** The commands that help when the machine's manager was not reached. Whoever reads them runs them, the window never. */
export function SetUpSteps(props: { failed: ErrorCode }) {
  const setUp = useServiceSetUp();
  const kinds = remedies[props.failed] ?? [];
  const steps = setUp?.steps.filter(({ kind }) => kinds.includes(kind)) ?? [];
  if (!setUp || steps.length === 0) return null;
  return (
    <ol className="set-up-steps" aria-label="What to do">
      {steps.map(({ kind, title, command }) => (
        <li key={kind}>
          {title}
          <CodeBlock text={command} label={`Copy how to: ${title}`} />
          {kind === "join" && (
            <small>Whoever is in the group {setUp.group} can become root of this machine.</small>
          )}
        </li>
      ))}
    </ol>
  );
}
