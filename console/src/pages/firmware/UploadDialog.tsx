import { Button, FileInput, Modal, Progress, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { type Release, upload } from "../../api/firmware";
import { AGENT } from "../../api/versions";
import { CheckIcon, UploadIcon } from "../../parts/icons";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import { bytes, percent } from "../../text/format";
import classes from "./firmware.module.css";

const WORD = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

/** A release from this computer, with its progress; closing it ends it, and nothing is kept. */
export function UploadDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.firmware;
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [type, setType] = useState(AGENT);
  const [version, setVersion] = useState("");
  const [channel, setChannel] = useState("stable");
  const [signature, setSignature] = useState("");
  const [share, setShare] = useState<number | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [made, setMade] = useState<Release | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const choose = (next: File | null) => {
    setFile(next);
    const found = /(\d+(?:\.\d+)+(?:[-+][\w.]+)?)(?=\.[a-z]|$)/i.exec(next?.name ?? "")?.[1];
    if (version === "" && found !== undefined) setVersion(found);
  };
  const ready = file !== null && [type, version, channel].every(word => WORD.test(word));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (file === null) return;
    running.current = new AbortController();
    setShare(0);
    setProblem(null);
    try {
      const wish = { file, type, version, channel, signature: signature.trim() };
      setMade(await upload(wish, setShare, running.current.signal));
      await queries.invalidateQueries({ queryKey: ["releases"] });
    } catch (error) {
      if (error instanceof DOMException) return;
      setProblem(error);
    }
    setShare(null);
  };
  const invalid = (value: string) => (value === "" || WORD.test(value) ? undefined : words.word);

  return (
    <Modal
      opened
      onClose={onClose}
      closeOnClickOutside={share === null}
      size="lg"
      title={words.upload}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {made ? (
        <div className={classes.form}>
          <p className={classes.done} role="status">
            <CheckIcon /> {words.isUploaded(made.version, bytes(made.size))}
          </p>
          <dl className={classes.hash}>
            <dt>{words.sha256}</dt>
            <dd className="mono">{made.sha256}</dd>
          </dl>
          <div>
            <Button onClick={onClose}>{text.common.close}</Button>
          </div>
        </div>
      ) : (
        <form onSubmit={submit} className={classes.form}>
          <FileInput
            label={words.file}
            placeholder={words.chooseFile}
            leftSection={<UploadIcon size={16} />}
            size="sm"
            clearable
            clearButtonProps={{ "aria-label": text.common.remove }}
            disabled={share !== null}
            value={file}
            onChange={choose}
          />
          <TextInput
            label={words.type}
            description={words.typeHint}
            inputWrapperOrder={["label", "input", "description"]}
            spellCheck={false}
            disabled={share !== null}
            value={type}
            error={invalid(type)}
            onChange={event => setType(event.currentTarget.value)}
          />
          <div className={classes.pair}>
            <TextInput
              label={words.version}
              placeholder="1.2.3"
              spellCheck={false}
              disabled={share !== null}
              value={version}
              error={invalid(version)}
              onChange={event => setVersion(event.currentTarget.value)}
            />
            <TextInput
              label={words.channel}
              spellCheck={false}
              disabled={share !== null}
              value={channel}
              error={invalid(channel)}
              onChange={event => setChannel(event.currentTarget.value)}
            />
          </div>
          <TextInput
            label={`${words.signature} (${text.common.optional})`}
            description={words.signatureHint}
            inputWrapperOrder={["label", "input", "description"]}
            classNames={{ input: "mono" }}
            spellCheck={false}
            autoComplete="off"
            disabled={share !== null}
            value={signature}
            onChange={event => setSignature(event.currentTarget.value)}
          />
          {share !== null && file && (
            <div className={classes.progress}>
              <Progress value={100 * share} aria-label={words.uploading} animated={share >= 1} />
              <span className="dim">
                {share >= 1
                  ? words.hashing
                  : words.sent(bytes(share * file.size), bytes(file.size), percent(share))}
              </span>
            </div>
          )}
          {problem !== null && <ProblemLine error={problem} />}
          <div className={classes.buttons}>
            <Button type="submit" disabled={!ready} loading={share !== null}>
              {words.uploadDo}
            </Button>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
          </div>
        </form>
      )}
    </Modal>
  );
}
