import { hubAddress } from "../api/prefix";
import { useText } from "../text";
import { CopyLine } from "./CopyLine";
import { commandLine, packageLine } from "./deviceLines";

/** The lines at a prompt that make a machine a device, with a key or token in them. */
export function EnrollmentLines({ secret }: { secret: string }) {
  const words = useText().enrollment;
  return (
    <>
      <CopyLine label={words.packaged} line={packageLine(hubAddress(), secret)} />
      <CopyLine label={words.command} line={commandLine(hubAddress(), secret)} />
    </>
  );
}
