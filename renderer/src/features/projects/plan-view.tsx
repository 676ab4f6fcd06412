import type { PlannedAction, ProjectPlan } from "#shared/contract/projects";

const verbs: Record<PlannedAction, string> = {
  create: "created",
  recreate: "made anew",
  start: "started",
  keep: "left as it is",
  remove: "removed",
  missing: "missing",
};
const imageVerbs = { keep: "here", pull: "to be pulled", build: "to be built", missing: "missing" };

/** What bringing it up would do, before anything is done. */
export function PlanView(props: { plan: ProjectPlan }) {
  const { services, networks, volumes, idle, orphans } = props.plan;
  return (
    <div className="plan" role="table" aria-label="What bringing it up does">
      {services.map(({ name, image, imageAction, containers, after }) => (
        <div key={name} role="row" className="plan__row">
          <b role="cell" className="truncate">
            {name}
          </b>
          <span role="cell" className="mono muted truncate" title={image}>
            {image} <span className="dim">{imageVerbs[imageAction]}</span>
          </span>
          <span role="cell" className="muted truncate">
            {containers.map((each) => (
              <span key={each.name} title={each.reason}>
                {each.name} {verbs[each.action]}{" "}
              </span>
            ))}
            {after.length > 0 && <span className="dim">after {after.join(", ")}</span>}
          </span>
        </div>
      ))}
      <Things label="Networks" things={networks} />
      <Things label="Volumes" things={volumes} />
      {idle.length > 0 && (
        <p className="dim">
          Not chosen by a profile:{" "}
          {idle.map(({ name, profiles }) => `${name} (${profiles.join(", ")})`).join(", ")}
        </p>
      )}
      {orphans.length > 0 && (
        <p className="dim">No longer in the file, and left alone: {orphans.join(", ")}</p>
      )}
    </div>
  );
}

function Things(props: { label: string; things: ProjectPlan["networks"] }) {
  const { label, things } = props;
  if (things.length === 0) return null;
  return (
    <div role="row" className="plan__row">
      <span role="cell" className="dim">
        {label}
      </span>
      <span role="cell" className="plan__things muted">
        {things.map(({ name, action, reason }) => (
          <span key={name} title={reason}>
            <span className="mono">{name}</span> {verbs[action]}
          </span>
        ))}
      </span>
    </div>
  );
}
