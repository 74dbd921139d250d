"""Which runs of capitals are no words, or not the words they look like."""

from __future__ import annotations

from .spoken import table, word_set

READ_AS = table("""
    OK: okay; PHD: pee aitch dee; IEEE: eye triple ee; JPEG: jay peg; MPEG: em peg; COVID: Covid; GUI: gooey;
    DOS: doss; WIFI: Wi-Fi; NAACP: en double-ay see pee; NCAA: en see double-ay; AAA: triple ay; BBB: triple bee;
    WWI: World War one; WWII: World War two; YAML: yamel; NOAA: Noah; SCSI: scuzzy; IMAP: eye map; OLED: oh led;
    IMAX: eye max; USAID: you ess aid; IELTS: eyelts; TOEFL: toefel; VOIP: voyp; SKU: skew; CISO: see so;
    CRISPR: crisper; MSC: em ess see; BSC: bee ess see; LMAO: ell em ay oh; XBOX: ex box; MPH: miles per hour;
    LBS: pounds; HRS: hours; MINS: minutes; AVG: average; GOVT: government; CHATGPT: chat gee pee tee;
    OPENAI: open ay eye
    """)
NAMES = word_set("""
    NASA NATO UNESCO UNICEF OPEC ASEAN FIFA UEFA NAFTA INTERPOL EUROPOL IKEA FIAT NASDAQ LEGO SARS MERS AIDS ASCII
    JSON DARPA FEMA OSHA HIPAA ICANN MENSA OSCE MOMA CERN ESA
    """)

# Letters although they could be said. Two letters are letters anyway, and so is what begins or ends like no word.
SPELLED = word_set("""
    ACLU ADHD ADSL AEC AED AFAIK AKA ALS ALU AMA ANC AOL APA API APO APR ASL ASPCA ATM ATS AVI AWS BAC BIA BYOB CAA
    CAI CBA CEA CEO CFA CIA CID CIO COA CSA CTO CUNY CVA DAC DAO DEA DEI DHEA DIA DIY DOA DOB DOI DOJ DUI DWI ECU EDI
    EDTA EEC EEG EEO EEOC EMS EMT ENT EOD EOE EOF EOL EOS EPA EPO EPS ERS ESE ESL ESP EST ETD ETF EUR FAA FAO FAQ FCA
    FIA FSA FYI GDPR GED GOP GPA GUID HIV HMO HOA HOV IAEA IAS IBA ICAO ICO ICT ICU ICYMI IDE IDF IED IFA IIRC ILO ILS
    IMHO IMO IOC IOT IOU IPA IPO IQ IRC IRL IRS ISA ISBN ISO ISP ISS IST ITU IUD IVA JSA KIA KOA KYC LOA LOI MBA MEP
    MFA MIT MOU MRI MSA NAB NBA NCO NEA NEH NGO NHS NIH NIMH NOI NRA NSA NYC NYSE NYU NZ OAS OBE OCD OCR ODA ODI OECD
    OED OEM OHSA OMB OOP OPM ORM OSU OTC OTOH PCA PEI PGA PLO POA POC POS POV PSA PSU PTA QED RCA RIAA RNA ROI ROK RSI
    SAE SAS SBA SEO SOS SSA SSE SUNY SUV TBA TIA TLC TOS TSA TUC UAE UAM UAR UAV UAW UBS UCI UCL UCLA UFC UFO UID UIS
    UNC UPC UPI URI URL USA USAF USB USC USCIS USD USDA USM USO USP USPS USPTO USS USSR UTI UUID UVA UVB VBA VFA VIP
    VOA VOD WAC WAF WIP YMCA YMHA YOY YTD YWCA YWHA
    """)
# The same unless they are shouted: words and names too.
ALSO_WORDS = word_set("""
    ABA AM COO DOD ETA GAO IRA IT LAX LED MIA POW PSI RAF SAT SEC SOC SOP TIL UPS US VIN
    """)

# Words of two letters, and those that are words among others in capitals only: names, other languages.
SHORT = word_set("""
    AH AN AS AT AW AX AY BE BY DO EH EX GO HA HE HI HM HO IF IN IS ME MM MY NO OF OH OI ON OR OW OX OZ RE SO TO UH UM
    UP WE YA YE YO
    """)
SHORT_AMONG_OTHERS = word_set("""
    AB AD AL AM BI BO DA DE DI DU ED EL EM EN ER ES ET FA FI IT JO LA LE LI LO MA MO MU NU OM OP PA PI QI SI TA TI TY
    US WI WU XI YU
    """)
# Nobody could say them, yet they are words.
SOUNDS = word_set("BRR GRR HMM HMMM MMM PFFT PSST SHH SHHH TSK NTH UMM ZZZ ROFL RAJ SRI TAJ")
# Their plural may be all in capitals: TVS.
COUNTABLE = word_set("CD CEO DJ DVD ID NGO SUV TV UFO VIP")
# In small letters: sounds and endings without a vowel that are no abbreviations, and abbreviations that have one.
SMALL_SOUNDS = word_set("""
    brr brrr grr grrr hm hmm hmmm mm mmm mmmm pfft psst pst sh shh shhh tsk nth zz zzz cwm crwth st nd rd th ng mr mrs
    dr ms vs jr sr ft ltd sgt blvd pkwy hwy
    """)
SMALL_SPELLED = word_set("usa uk faq fyi idk omg imho imo url api ios")
