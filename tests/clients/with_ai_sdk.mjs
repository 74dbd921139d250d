// Speaks with the AI SDK: the folder with its node_modules, URL, FILE for the sound, TEXT, FORMAT. Prints its media type.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, url, file, text, outputFormat] = process.argv.slice(2);
const { resolve } = createRequire(`${folder}/`);
const { experimental_generateSpeech: generateSpeech } = await import(pathToFileURL(resolve("ai")));
const { createOpenAI } = await import(pathToFileURL(resolve("@ai-sdk/openai")));

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "unused" });
const how = { voice: "nova", instructions: "Softly.", outputFormat };
const { audio, warnings } = await generateSpeech({ model: openai.speech("tts-1"), text, ...how });
if (warnings.length) throw new Error(JSON.stringify(warnings));
writeFileSync(file, audio.uint8Array);
console.log(audio.mediaType);
