import { splitReference } from "./reference.ts";

/** A reference with its tag dimmer than its name. */
export function ReferenceText(props: { of: string }) {
  const { repository, tag } = splitReference(props.of);
  return (
    <>
      {repository}
      <span className="muted">{tag}</span>
    </>
  );
}
