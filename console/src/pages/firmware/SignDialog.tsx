import { Button, Modal, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, data } from "../../api/client";
import type { Release } from "../../api/firmware";
import { CopyLine } from "../../parts/CopyLine";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import classes from "./firmware.module.css";

/** Attaches a signature that was made elsewhere: the private key never comes near the hub. */
export function SignDialog({ release, onClose }: { release: Release; onClose: () => void }) {
  const text = useText();
  const words = text.firmware;
  const queries = useQueryClient();
  const [signature, setSignature] = useState(release.signatureBase64 ?? "");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await data(
        api.PUT("/api/v1/firmware/releases/{id}/signature", {
          params: { path: { id: release.id } },
          body: { signatureBase64: signature.trim() },
        }),
      );
      await queries.invalidateQueries({ queryKey: ["releases"] });
      onClose();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.signOf(release.version)}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} className={classes.form}>
        <p className={classes.said}>{words.signHint}</p>
        <CopyLine
          label={words.signLine}
          line={`longline firmware sign ${release.filename} --key release-key.pem`}
        />
        <TextInput
          label={words.signature}
          classNames={{ input: "mono" }}
          spellCheck={false}
          autoComplete="off"
          data-autofocus
          value={signature}
          onChange={event => setSignature(event.currentTarget.value)}
        />
        {problem !== null && <ProblemLine error={problem} />}
        <Button type="submit" loading={busy} disabled={signature.trim() === ""}>
          {words.sign}
        </Button>
      </form>
    </Modal>
  );
}
