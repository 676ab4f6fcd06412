import { useState } from "react";
import { Checkbox, TextField } from "../../components/fields.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useContainer } from "../../queries/containers.ts";
import { inspectImage } from "../../state/selection.ts";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";
import { imageName } from "./reference.ts";

/** Makes an image of what a container has changed. */
export function CommitDialog(props: { containerId: string }) {
  const { containerId } = props;
  const client = useClient();
  const container = useContainer(containerId);
  const [name, setName] = useState(() => container?.name.toLowerCase() ?? "");
  const [comment, setComment] = useState("");
  const [author, setAuthor] = useState("");
  const running = container?.state.status === "running";
  const [pause, setPause] = useState(true);
  const run = useRequest({
    run: () =>
      client.call("images.commit", {
        containerId,
        name: name.trim(),
        comment: comment.trim() || undefined,
        author: author.trim() || undefined,
        pause: running && pause,
      }),
    failure: "No image was made",
    onDone: (image) =>
      notify({
        tone: "good",
        title: `${imageName(image)} is made`,
        action: { label: "Show it", run: () => inspectImage(image.id) },
      }),
  });
  return (
    <RequestForm
      title={`Make an image of ${container?.name ?? "the container"}`}
      description="What it has written becomes one more layer over its image. Memory and processes are not in it."
      action="Make the image"
      failure={run.failure}
      fields={["name", "comment", "author"]}
      run={run}
      ready={name.trim() !== ""}
      onSubmit={() => run.mutate(undefined)}
    >
      <TextField
        label="Name"
        mono
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder="name:tag"
        value={name}
        onChange={setName}
        error={fieldError(run, "name")}
      />
      <TextField
        label="Comment"
        placeholder="what changed; optional"
        value={comment}
        onChange={setComment}
        error={fieldError(run, "comment")}
      />
      <TextField
        label="Author"
        placeholder="optional"
        value={author}
        onChange={setAuthor}
        error={fieldError(run, "author")}
      />
      {running && (
        <Checkbox
          checked={pause}
          onChange={setPause}
          label="Pause it meanwhile"
          hint="Without this a file may be caught half written."
        />
      )}
    </RequestForm>
  );
}
