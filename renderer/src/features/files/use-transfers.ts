import { useCallback, useEffect, useRef, useState } from "react";
import { shownName, splitPath } from "#shared/base/file-names";
import type { FileSource } from "#shared/contract/files";
import { isCode } from "#shared/errors";
import { announce, notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { downloadPath, uploadFile } from "./transfers.ts";

/** A file on its way. */
export interface Transfer {
  title: string;
  bytes: number;
  /** Absent when it can't be known. */
  size?: number;
  cancel: () => void;
}

/** A file that is there already, and is replaced only when the user says so. */
export interface Conflict {
  /** Each is asked about by a dialog of its own. */
  key: number;
  file: File;
  directory: string;
}

let nextKey = 1;

/** Uploads and downloads of one browser, one after the other. They end when it is left. */
export function useTransfers(source: FileSource) {
  const client = useClient();
  const [transfer, setTransfer] = useState<Transfer>();
  const [conflicts, setConflicts] = useState<Conflict[]>([]);
  const queue = useRef<Promise<void>>(Promise.resolve());
  const leaving = useRef(new AbortController());
  useEffect(() => {
    const abort = new AbortController();
    leaving.current = abort;
    return () => abort.abort();
  }, []);

  const run = useCallback(
    (
      about: { title: string; failed: string; size?: number },
      body: (options: {
        signal: AbortSignal;
        onProgress: (bytes: number) => void;
      }) => Promise<unknown>,
    ) => {
      queue.current = queue.current.then(async () => {
        const abort = new AbortController();
        const stop = (): void => abort.abort();
        leaving.current.signal.addEventListener("abort", stop);
        const { title, size } = about;
        const shown = (bytes: number): void =>
          setTransfer({ title, bytes, ...(size === undefined ? {} : { size }), cancel: stop });
        shown(0);
        try {
          await body({ signal: abort.signal, onProgress: shown });
        } catch (error) {
          if (!abort.signal.aborted) notify({ tone: "bad", title: about.failed, error });
        } finally {
          leaving.current.signal.removeEventListener("abort", stop);
          setTransfer(undefined);
        }
      });
    },
    [],
  );

  const upload = useCallback(
    (files: readonly File[], directory: string, overwrite = false) => {
      for (const file of files) {
        const name = shownName(file.name);
        const about = { title: `Uploading ${name}`, failed: `${name} was not uploaded` };
        run({ ...about, size: file.size }, async (options) => {
          try {
            await uploadFile(client, { source, directory, overwrite }, file, options);
            announce(`${name} was uploaded`);
          } catch (error) {
            if (!isCode(error, "ALREADY_EXISTS")) throw error;
            setConflicts((before) => [...before, { key: nextKey++, file, directory }]);
          }
        });
      }
    },
    [client, source, run],
  );

  const download = useCallback(
    (path: string, entry: { directory: boolean; size?: number }) => {
      const name = shownName(splitPath(path).name) || "/";
      const about = { title: `Downloading ${name}`, failed: `${name} was not downloaded` };
      const size = entry.directory || entry.size === undefined ? {} : { size: entry.size };
      run({ ...about, ...size }, async (options) => {
        const { directory } = entry;
        if (await downloadPath(client, { source, path, directory }, options))
          announce(`${name} was downloaded`);
      });
    },
    [client, source, run],
  );

  /** The first conflict is settled: replaced, or left as it is. */
  const settle = useCallback(
    (replace: boolean) => {
      const [conflict] = conflicts;
      setConflicts((before) => before.slice(1));
      if (conflict && replace) upload([conflict.file], conflict.directory, true);
    },
    [conflicts, upload],
  );
  return { transfer, conflict: conflicts[0], upload, download, settle };
}
