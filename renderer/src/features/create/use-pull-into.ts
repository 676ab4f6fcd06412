import { useState } from "react";
import { useImageActions } from "../../queries/image-actions.ts";

/** Pulls an image for the form it stands in, and chooses it there once it is here. */
export function usePullInto(choose: (imageId: string) => void): {
  /** What is under way. */
  pulling: string | undefined;
  /** What was asked for last, whatever came of it. */
  pulled: string | undefined;
  pull: (reference: string) => void;
} {
  const actions = useImageActions();
  const [state, setState] = useState<{ reference: string; done: boolean }>();
  const pull = (reference: string): void => {
    setState({ reference, done: false });
    void actions.pull(reference).then((image) => {
      setState({ reference, done: true });
      if (image) choose(image.id);
    });
  };
  return { pulling: state?.done ? undefined : state?.reference, pulled: state?.reference, pull };
}
