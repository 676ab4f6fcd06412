import { useMutation, type UseMutationResult } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { notify } from "../../components/notices.ts";
import { closeOverlay } from "../../state/overlays.ts";

export interface RequestOptions<I, O> {
  run: (input: I) => Promise<O>;
  /** Of a failure: `Nothing was saved`. */
  failure: string;
  /** After its dialog was closed; `left` when its user had done that before. */
  onDone: (result: O, input: I, left: boolean) => void;
  /** While its dialog is there, which also shows it. */
  onFailed?: (error: Error) => void;
  /** For what was opened otherwise than as the window's overlay. */
  onClose?: () => void;
}

/**
 * What a dialog asks for. It may be closed while that goes on: whatever was opened meanwhile is then not closed by its
 * end, and a failure, which has no place any more, is told as a notice.
 */
export function useRequest<I, O>(
  options: RequestOptions<I, O>,
): UseMutationResult<O, Error, I> & { failure: string } {
  const { run, failure, onDone, onFailed, onClose = closeOverlay } = options;
  const left = useRef(false);
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
    };
  }, []);
  const mutation = useMutation<O, Error, I>({
    mutationFn: run,
    onSuccess: (result, input) => {
      const before = left.current;
      if (!before) onClose();
      onDone(result, input, before);
    },
    onError: (error) => {
      if (left.current) notify({ tone: "bad", title: failure, error });
      else onFailed?.(error);
    },
  });
  return { ...mutation, failure };
}
