import { useEffect, type RefObject } from "react";
import { z } from "zod";
import { useClient } from "../../queries/client.tsx";
import { errorInfo } from "../../components/error-note.tsx";

/** A panel's question. What may be in `call` is for the core to say, which also asks what was granted. */
const Question = z.strictObject({ shimyard: z.literal(1), id: z.number(), call: z.unknown() });

/** Questions of one panel under way; more are refused, so that none can flood the core. */
const most = 16;

/** So that a panel has the window's appearance, whatever the system's is. */
export function tellTheme(frame: HTMLIFrameElement): void {
  const { theme } = document.documentElement.dataset;
  frame.contentWindow?.postMessage({ shimyard: 1, theme }, "*");
}

/**
 * Carries messages between a panel in its frame and the core. The panel has no origin (its frame and its headers are
 * sandboxed), so it is told apart by its frame alone; nothing but answers and the theme is ever sent to it.
 */
export function usePanelBridge(id: string, frame: RefObject<HTMLIFrameElement | null>): void {
  const client = useClient();
  useEffect(() => {
    const observer = new MutationObserver(() => {
      if (frame.current) tellTheme(frame.current);
    });
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, [frame]);
  useEffect(() => {
    const abort = new AbortController();
    let asked = 0;
    const answer = async (question: z.infer<typeof Question>): Promise<object> => {
      if (asked >= most) return { error: { message: "Too much is asked at once" } };
      asked += 1;
      try {
        const call = question.call as never;
        const { signal } = abort;
        return { result: await client.call("extensions.call", { id, call }, { signal }) };
      } catch (error) {
        return { error: { message: errorInfo(error).message } };
      } finally {
        asked -= 1;
      }
    };
    const onMessage = ({ source, data }: MessageEvent<unknown>): void => {
      const panel = frame.current?.contentWindow;
      const question = Question.safeParse(data);
      if (!panel || source !== panel || !question.success) return;
      void answer(question.data).then((message) => {
        if (abort.signal.aborted) return;
        panel.postMessage({ shimyard: 1, id: question.data.id, ...message }, "*");
      });
    };
    window.addEventListener("message", onMessage);
    return () => {
      window.removeEventListener("message", onMessage);
      abort.abort();
    };
  }, [client, id, frame]);
}
