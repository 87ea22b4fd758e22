"""What people write into WhatsApp, input by input: a table of answers and of what becomes of them.

A line is ``result <= answer | answer ...``. The result is what the engine (the stand-in's) makes
of what we send; ``?``: we ask once; ``-``: it goes through as it is, and the engine refuses it, so
that the flow's own retry text follows. Nothing here is taken for something else in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.core.flow import AskBack, Understood, Utterance
from bridge.sim.typebot.replies import Asked, Message, read_reply
from bridge.typebot.replying import meaning

#: A Sunday.
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


DATES = """
22/11/2026 <= hoje | hj | hoje mesmo | hoje à noite | hoje 15h | 22 | dia 22
23/11/2026 <= amanhã | amanha | amanhã cedo | amanhã à tarde | amanhã de noite | 2ª feira
23/11/2026 <= amanhã, por favor | amanhã pfv | acho que amanhã | amanhã se der | segunda | seg
23/11/2026 <= segunda que vem | segunda-feira que vem | amanhã mesmo | 23
24/11/2026 <= depois de amanhã | dps de amanhã | depois amanhã | terça | ter
21/11/2026 <= ontem
20/11/2026 <= anteontem | sexta passada
27/11/2026 <= sexta | sexta feira | sexta-feira | 6ª feira | 6a feira | na sexta | sexta que vem
27/11/2026 <= próxima sexta | sexta próxima | sexta dessa semana | nesta sexta | essa sexta
27/11/2026 <= marca pra sexta por favor | sex
? <= 1/2/3 | sexta da semana que vem | dia 25/12 ou 26/12 | 25/12 ou 26/12
? <= não posso 25/12
? <= antes de 25/12 | depois de 25/12 | até 25/12 | quinta 27/11 | dom | domingo | dia 20 | 21
- <= semana que vem | mês que vem | ano que vem | próxima semana | fim de semana
- <= final de semana | natal | carnaval | véspera de natal | ano novo | 31/02 | 30/02/2026
- <= 32/01 | 25/13 | 13/25 | março | em março | março de 2027 | 03/2027 | 2027 | 3 dias
- <= daqui a pouco | agora | já | qualquer dia | tanto faz | não sei | sim | nunca
- <= depois do dia 10 | a partir do dia 10 | amanhã ou depois | 25,12,2026 | 25 do doze
- <= começo do mês | fim do mês | último dia do mês | semana passada | mês passado | 25dez2026
- <= 25 de Dezembro de 2.026
05/12/2026 <= dia 5 | 5 | 05 | dia 05 | dia cinco | no dia 5 | para o dia 5
05/03/2027 <= dia 5/3 | 05/03 | 5/3 | 5 de março | 5 de marco | cinco de março
05/03/2027 <= 05 de março de 2027 | 5 mar | 5/mar | 5 março 2027
05/03/2026 <= 05/03/26 | 05/03/2026 | 05-03-2026 | 05.03.2026 | 05 03 2026 | 05032026 | 050326
01/03/2027 <= 1º de março | 1o de março | primeiro de março
01/12/2026 <= dia primeiro | dia 1º
25/12/2025 <= 25/12/25 | 25/12/25 às 14h30
25/12/2026 <= 25/12/2026 14:30 | 25/12 as 14h | 12/25 | 2026-12-25 | 2026/12/25
25/12/2026 <= a partir de 25/12 | 25/12 por favor | pode ser 25/12 | pode ser dia 25/12?
25/12/2026 <= quero marcar para 25/12/2026 | meu aniversário é 25/12 | 25 / 12 / 2026
25/12/2026 <= 25/ 12/2026 | 25/12/ 2026 | 25/12/2026. | dia 25 do 12 | 25 do 12 de 2026
25/12/2026 <= 25 dez. 2026 | 25-dez-2026 | vinte e cinco de dezembro
25/12/2026 <= 25 de dezembro de dois mil e vinte e seis | 25 de dezembro desse ano
25/12/2026 <= 25 de dezembro deste ano
29/02/2028 <= 29/02
25/11/2026 <= daqui 3 dias | daqui a 3 dias | em 3 dias | qua
29/11/2026 <= daqui a uma semana
06/12/2026 <= daqui duas semanas
07/12/2026 <= daqui a 15 dias
25/12/1990 <= nasci em 25/12/1990 | nasci dia 25 de dezembro de 1990 | 25/12/1990 | 25/12/90
25/12/2005 <= 25/12/05
25/12/1975 <= 25/12/75
02/02/2027 <= 2 de 2
02/02/2002 <= 02/02/02
10/11/2012 <= 10/11/12
26/11/2026 <= quinta dia 26 | quinta, dia 26 | quinta (26/11) | 26/11 (quinta) | qui
28/11/2026 <= sab
30/11/2026 <= dia 30 as 15h | dia 30 de tarde
31/12/2026 <= dia 31
19/11/2026 <= há 3 dias | 3 dias atrás
15/11/2026 <= faz uma semana | uma semana atrás
01/01/2027 <= 01/01 | 1/1/27 | 1 de janeiro de 27 | 1 de jan. de 2027
25/12/2027 <= 25 de dezembro do ano que vem
10/12/2026 <= dia 10 do próximo mês
10/11/2026 <= dia 10 deste mês | dia 10 desse mês | 10 deste mês
"""
SPANS = """
10/03/2027 to 15/03/2027 <= de 10 a 15 de março | 10/03 até 15/03 | 10 a 15/03 | 10/03 - 15/03
10/03/2027 to 15/03/2027 <= entre 10 e 15 de março | 10/03/2027 a 15/03/2027
10/03/2027 to 15/03/2027 <= quero de 10 a 15 de março por favor | 10.03 a 15.03
10/12/2026 to 15/12/2026 <= do dia 10 ao 15 | 10 ao 15
27/11/2026 to 29/11/2026 <= de sexta a domingo
- <= semana que vem | 25/12 ou 26/12 | vinte a vinte e cinco de dezembro | 15/03 a 10/03
- <= de 6ª a domingo
? <= 10/03
10/03/2027 to 15/04/2027 <= de 10 de março a 15 de abril
10/03/2027 to 11/03/2027 <= 10 e 11 de março
01/12/2026 to 05/12/2026 <= do dia primeiro ao dia cinco
22/11/2026 to 23/11/2026 <= hoje e amanhã
10/03/2027 to 02/04/2027 <= 10/3 a 2/4/27
02/02/2027 to 05/02/2027 <= 2 de 2 a 5 de 2
10/11/2026 to 15/11/2026 <= 10 a 15 deste mês
"""
DATES_AND_TIMES = """
25/12/2025 14:30 <= 25/12/25 às 14h30
23/11/2026 14:00 <= amanhã 14h | 14h de amanhã
? <= amanhã às 2 | amanhã às 2:30 | 2 de 2 | dia 5 de 10 | hoje | hoje à tarde | amanhã de manhã
? <= 25/12 ou 26/12 às 10h
27/11/2026 10:00 <= sexta 10h
27/11/2026 09:00 <= sexta às 9 da manhã
05/12/2026 10:00 <= dia 5 às 10 | 5 às 10
- <= 5 10
02/02/2027 10:00 <= 2 de 2 às 10h
23/11/2026 12:00 <= amanhã meio-dia
24/11/2026 20:00 <= depois de amanhã às vinte horas
"""
TIMES = """
14:00 <= 14h | 14 h | 14hs | 14hrs | 14 horas | 14 | 2 da tarde | 2h da tarde | duas da tarde
14:00 <= a partir das 14h | umas 14h | lá pelas 14h | por volta das 14h | 14h por favor
14:00 <= pode ser às 14h | quatorze horas
14:30 <= 14h30 | 14:30 | 14 horas e 30 minutos | 14h30min | 14h30m | 14.30 | 1430
14:30 <= 2:30 da tarde | duas e meia da tarde | pode ser 14:30? | às 14:30 por favor
14:30 <= quero às 14:30 | marca 14:30 | 14h 30 min | 14 hrs 30 | quatorze e trinta
14:30 <= catorze e trinta | 14:30:00 | 14:30pm | a las 14:30 hs
- <= 14,30 | 14;30 | 2 tarde | 25h | 18h às 19h | das 14h às 15h | entre 14h e 15h
- <= depois das 14h | antes das 10h | até 10h | perto das 14h | qualquer hora | tanto faz
- <= de manhã | à tarde | de noite | manhã | tarde | noite | agora | 8 e pouco | 13 15
- <= amanhã às 14h | hoje 15h | 14h30 - 15h | 14-15h | 14 a 15
? <= duas e quinze | às duas | 14:00 às 15:00 | 14:30 ou 15:00 | 14h ou 15h | antes das 10:00
? <= até as 10:00 | não posso às 14:30 | quinze para as três | 15 para as 3 | 3 menos quinze
? <= 3 horas | três horas | 1h | uma hora | 1 e 15 | 14:3 | 1:5 | 6 | 6h | 6 horas | 5 e meia
? <= 5:30 | 12:30 da manhã | half past two
14:25 <= duas e vinte e cinco da tarde
09:00 <= as 9 | às 9 | às 9h | 9 | 9h | 9 da manhã | 9hs da manha | a las 9
09:30 <= 9 e meia | las nueve y media
21:30 <= 9 e meia da noite
21:00 <= 9:00pm | 9:00 PM | 9pm | 9 p.m. | vinte e uma horas | 9 de la noche
12:00 <= meio-dia | meio dia | 12 | 12h | 12:00 | noon | mediodía
12:30 <= meio dia e meia | 12:30 da tarde
12:15 <= meio-dia e quinze
00:00 <= meia-noite | meia noite | 0h | 00:00 | 24h | 24:00 | midnight | medianoche
00:30 <= meia noite e meia | 00h30 | 12:30 da noite | 0:30
20:30 <= 20h30
20:00 <= 8 da noite | vinte horas
14:45 <= quinze pras três da tarde
09:50 <= dez pras dez
15:00 <= 3 horas da tarde
03:00 <= tres da madrugada
01:00 <= 1 da manhã
13:00 <= 13h | uma da tarde | 13h00 | 13:00h | 13:00 hs | 1 pm
13:15 <= 13h 15 | 13h e 15 | 13 e 15
18:00 <= dezoito horas | 18 em ponto | 6 da tarde
18:30 <= dezoito e trinta | 18 e 30
06:00 <= 6 da manhã
07:00 <= 7 | 7h
11:00 <= 11 | 11h
23:00 <= 11 da noite
17:30 <= cinco e meia da tarde | 17:30 | 17h30 pode?
05:30 <= 05:30
23:30 <= 11:30 da noite
11:30 <= 11:30 da manhã
13:30 <= 13:30 da tarde
00:10 <= meia noite e dez
08:30 <= 8:30 am
08:00 <= 8am
09:15 <= quarter past 9
"""
NUMBERS = """
1234.56 <= 1.234,56
50 <= R$ 50 | R$50,00 | 50 reais | 50 conto | 50 pila | R$ 50 reais | $50 | US$ 50 | € 50 | 50€
50 <= 50,00 €
1.5 <= 1,5 | 1,500 | um e meio
1500 <= 1.500 | 1500 | 1.500,00 | 1,500.00 | 1.5k | 1,5 mil | R$1.500 | mil quinhentos
1500 <= mil e quinhentos reais
1000 <= mil | 1 000 | 1'000 | mil reais
1200 <= mil e duzentos
2500 <= dois mil e quinhentos | 2 mil 500
200 <= duzentos
100 <= cem
120 <= cento e vinte
12 <= doze
15 <= quinze
20 <= vinte | 20h
25 <= vinte e cinco
32 <= trinta e dois
2 <= dois | vou querer 2 | 2kg | 2 kg
1 <= um | uma
- <= nenhum | nenhuma | meia dúzia | uma dúzia | meio | metade | ½ | quase 7 | mais de 7
- <= menos de 7 | no máximo 7 | pelo menos 7 | me vê 2 | NaN | não sei | nada | muitos | vários
- <= alguns | sou o 7 | x7 | dois ou três
0 <= zero | 0
-3 <= -3 | menos 3
10 <= 10% | 10 % | 10 por cento | 1️⃣0️⃣ | 🔟 | 10 anos
? <= 2 dúzias | 1/2 | 7 ou 8 | 7 a 8 | entre 7 e 8 | de 7 a 8 | 7-8 | 7 pessoas e 2 crianças
? <= 2 adultos e 1 criança | 1.2.3 | 1..5 | 1,,5 | 99999999999999999999999 | Infinity | 0x10
? <= 1m80 | 80kg e 500g | 30 anos e 6 meses | 30 anos, 6 meses | 12345-678 | 123.456.789-00
? <= 11 98765-4321 | 25/12 | 14:30 | 1 ou dois
2.5 <= 2 e meio | dois e meio
10000 <= 10 mil | 10k | 10 000 | dez mil
1000000 <= 1 milhão
2500000 <= 2 milhões e meio
2000000 <= dois milhões
7 <= uns 7 | umas 7 pessoas | cerca de 7 | mais ou menos 7 | 7 pessoas | somos 7 | somos em 7
7 <= são 7 | 7 por favor | quero 7 | 7! | 7. | 7, | 7️⃣ | nº 7 | n. 7 | número 7 | é 7
7 <= acho que 7 | acho que uns 7 | +7 | + 7 | (7) | "7" | 7 (sete) | sete (7) | 7x | 7° | 7º
7 <= 7a
0.7 <= ,7
0.5 <= .5 | 0,5
05 <= 05
007 <= 007
1000.5 <= 1 000,50
12.5 <= 12.5 | 12,50 | 12.50
1234567 <= 1,234,567 | 1.234.567
1234567.89 <= 1.234.567,89
1234567890123 <= 1234567890123
100000 <= 1e5 | 1E5
3 <= ٣ | ３
7000 <= sete mil | sete mil reais
5500 <= 5 mil e 500
5000 <= 5mil | R$ 5 mil
1.8 <= 1,80m | 1,80 m
80 <= 80 quilos
30 <= tenho 30 anos
-7 <= - 7 | −7 | –7
1500.5 <= R$ 1500,5
2026 <= dois mil e 26
150000 <= cento e cinquenta mil
500 <= quinhentos
999 <= novecentos e noventa e nove
"""
RATINGS = """
5 <= 5 | ⭐️⭐️⭐️⭐️⭐️ | 5 estrelas | cinco | cinco estrelas | dou 5 | 5! | 5️⃣ | 5 - ruim | 5/10
10 <= nota 10 | nota dez | 10 | 10/10 | 🔟 | 1️⃣0️⃣ | 10.0 | dez | 10 com certeza
10 <= 10, atendimento ótimo | merece 10 | dei 10 | 10 pra vcs | 1e1
3 <= ⭐⭐⭐ | ★★★☆☆
? <= 5/5 | 4 de 5 | 0 | -1 | 11 | 100 | onze | zero | 0x5 | 1000000 | mil
8 <= 8/10 | dou nota 8 | nota: 8 | 8. | 8) | nota 8 de 10
4.5 <= 4,5 | 4.5
- <= ótimo | péssimo | máximo | a maior | mínimo | 👍 | ❤️ | 5 ou 4 | 4 a 5 | entre 4 e 5
- <= nota máxima | ⭐ 4 | 7 7
9.9 <= 9,9
9 <= 9.0
7 <= sete
1 <= ⭐
4 <= ★★★★☆ | 4 ⭐
"""
PHONES = """
+5511987654321 <= 11987654321 | (11) 98765-4321 | 11 98765-4321 | 11 9 8765-4321
+5511987654321 <= 11 9 8765 4321 | (011) 98765-4321 | 0 11 98765 4321 | 015 11 98765-4321
+5511987654321 <= +55 11 98765-4321 | +5511987654321 | 55 11 98765-4321 | 5511987654321
+5511987654321 <= 005511987654321 | 00 55 11 98765 4321 | +55(11)98765-4321
+5511987654321 <= +55 (0)11 98765-4321 | 55 (11) 98765.4321 | 11.98765.4321 | 11-98765-4321
+5511987654321 <= 11/98765-4321 | (11)98765 4321 | 11 98765–4321 | 11 98765‑4321
+5511987654321 <= 1 1 9 8 7 6 5 4 3 2 1 | meu numero é 11 98765-4321 | tel: 11987654321
+5511987654321 <= whatsapp 11987654321 | wa.me/5511987654321 | https://wa.me/5511987654321
+5511987654321 <= ٠١١٩٨٧٦٥٤٣٢١ | １１９８７６５４３２１ | R$ 11987654321 | 11 98765 4321 (mãe)
+5511987654321 <= (11) 98765-4321. | 11 98765-4321 ramal 12 | +55 11 987654321, falar com Ana
? <= 98765-4321 | 987654321 | 8765-4321 | 11 8765-4321 | 1187654321
? <= meu whats é (11)98765-4321 e o fixo 11 3333-4444 | 11 98765-4321 ou 11 98765-4322
? <= 11 98765-4321 / 11 98765-4322 | cpf 123.456.789-09 | 123.456.789-09 | 12345678909
- <= 11 98765-4321 11 98765-4321 | esse mesmo | este número | o mesmo | não tenho | 190 | 123
- <= onze nove oito sete | 11 98765-432 | 119876543210 | 25/12/2026 11987654321
+14155552671 <= +1 415 555 2671
+351912345678 <= +351 912 345 678 | 351 912 345 678
+5491123456789 <= +54 9 11 2345-6789 | 5491123456789
+34612345678 <= +34 612 345 678
+558001234567 <= 0800 123 4567
+551133334444 <= 11 3333-4444 | 1133334444
"""
EMAILS = """
seu@email.com <= seu@email.com | SEU@EMAIL.COM | Seu@Email.Com. | seu @ email.com
seu@email.com <= seu@ email.com | seu @email.com | seu@email .com | seu@email. com
seu@email.com <= seu@email,com | seu arroba email.com | seu arroba email ponto com
seu@email.com <= seu(arroba)email.com | seu[at]email.com | mailto:seu@email.com
seu@email.com <= <seu@email.com> | "seu@email.com" | 'seu@email.com' | meu email é seu@email.com
seu@email.com <= e-mail: seu@email.com | email:seu@email.com | seu@email.com obrigado
seu@email.com <= .seu@email.com | seu＠email.com
seu@email.com.br <= seu@email.com,br | seu@email.com.br
- <= seu at email dot com | seu@email | seu@email.c | seu@@email.com | seu@email..com
- <= seu.@email.com | a@b.co/c@d.co | não tenho | nao tenho email | n tenho | @joao
- <= joao.gmail.com | joao@gmail | https://joao@gmail.com | joao@127.0.0.1
seu_nome-1@sub.email.com.br <= seu_nome-1@sub.email.com.br
seu+tag@email.com <= seu+tag@email.com
joão@email.com <= joão@email.com
joao@émail.com <= joao@émail.com
? <= a@b.co e c@d.co | a@b.co ou c@d.co | a@b.co;c@d.co | joao@gmail.con | joao silva@gmail.com
? <= não é joao@gmail.com, é joao2@gmail.com
a@b.co <= a@b.co A@B.CO
joao@gmail.com <= joao@gmail.com. | joao@gmail.com! | joao@gmail.com :) | joao@gmail.com😀
joao@gmail.com <= 😀joao@gmail.com | joao @gmail.com | joao@gmail.com (meu) | (joao@gmail.com)
joao@gmail.com <= [joao@gmail.com](mailto:joao@gmail.com) | Joao@gmail.com? | joao@gmail.com,
joao@gmail.com <= JOAO@GMAIL.COM | joao@gmail.com ou 11987654321
www.joao@gmail.com <= www.joao@gmail.com
"""
LINKS = """
example.com <= example.com | example.com. | (example.com) | https:// example.com
www.example.com <= www.example.com
http://example.com <= http://example.com
https://example.com/a?b=c#d <= https://example.com/a?b=c#d
HTTPS://EXAMPLE.COM <= HTTPS://EXAMPLE.COM
example.com.br <= meu site é example.com.br
www.example.com.br <= meu site é www.example.com.br, obrigado
instagram.com/loja <= instagram.com/loja
- <= @loja | insta @loja | example | example. | exemplo ponto com | https//example.com
- <= htps://example.com | http:example.com | ftp://example.com | não tenho | nao tenho site.
- <= meu email é seu@email.com | meu site é minhaloja.online | meu link: bit.ly/abc | 1.5
- <= 12.345 | oi.tudo bem | .com | https:// | https://x
? <= https://instagram.com/loja e https://facebook.com/loja
https://example.com <= <https://example.com>
localhost <= localhost
http://localhost:3000 <= http://localhost:3000
192.168.0.1 <= 192.168.0.1
http://192.168.0.1:80/x <= http://192.168.0.1:80/x
example.com/ação <= example.com/ação
https://exâmple.com <= https://exâmple.com
café.com <= café.com
seu@email.com <= seu@email.com
example.loja <= example.loja
minhaloja.online <= minhaloja.online
minhaloja.com.br/produto <= minhaloja.com.br/produto 1
bit.ly/abc <= bit.ly/abc
https://t.me/x <= https://t.me/x
tiktok.com/@loja <= tiktok.com/@loja
www.loja <= www.loja
"""
BUTTONS = """
Quero pizza <= 1 | a primeira | primeira | o primeiro | 1a | 1ª | 1º | 1o | um | quero pizza
Quero pizza <= Quero Pizza!!
Quero esfiha <= 2. | 2) | 2 - | 2- | (2) | [2] | a segunda | o 2 | a 2 | número 2 | nº 2 | n 2
Quero esfiha <= num 2 | opção 2 | opcao dois | opção dois | dois | 2️⃣ | ０２ | 2 por favor
Quero esfiha <= 2, por favor | 2 obrigado | quero a 2 | quero a opção 2 | escolho 2
Quero esfiha <= escolho a 2 | vou de 2 | pode ser a 2 | acho que 2 | 2 mesmo | opção2 | op 2
Quero esfiha <= opc 2 | opç 2 | item 2 | 2- Quero esfiha | 2 - Quero esfiha | 2. Quero esfiha
Quero esfiha <= Quero esfiha, por favor | Quero  esfiha | quero-esfiha | *2* | _2_ | “2” | 2?
Quero esfiha <= 2!!
- <= segunda | duas | a um | esfirra | esfia | humano | falar com o atendente
- <= cancelar o pedido | 1 e 2 | 1,2 | 12 | nenhuma | nenhum | todas | outra | não sei | sim | 5
- <= 0 | -1 | 1.5 | 22 | a | b | B) | letra b | 👍 | 2 👍 | 2 Quero esfiha | Quero esfiha 2
- <= 1. Quero esfiha | 2 pizzas | não quero pizza | Não | cancelar não
Cancelar pedido <= a última | último | cancelar | cancela | quero cancelar
? <= pizza | a pizza | quero a pizza | esfiha | atendente | pedido | quero | 1 ou 2
Falar com atendente <= falar | falar com | quero falar com atendente
"""
YES_OR_NO = """
Sim <= sim | s | S | SIM!! | siim | simm | sim por favor | claro | com certeza | isso
Sim <= isso mesmo | correto | yes | y | 👍 | ✅ | quero sim | s. | ss | aham | uhum | sim!!! 😀
Sim <= Sim. | sí | si
- <= sim, quero | ok | pode ser | não quero | nops | talvez | sim não | não sei | nao, sim
- <= não é isso
Não <= n | nao | ñ | naum | não, obrigado | negativo | 👎 | nn
? <= sim ou não
"""
TOPPINGS = """
Queijo, Cogumelos <= 1 e 3 | 1,3 | 1;3 | 1 3 | 1.3 | 1+3 | 1 & 3 | opções 1 e 3 | a 1 e a 3
Queijo, Cogumelos <= a primeira e a terceira | primeira e terceira | 1️⃣ e 3️⃣ | 1 e 3 por favor
Queijo, Cogumelos <= um e três | 1º e 3º
? <= 1 - 3 | 1-3 | 1 a 3 | de 1 a 3 | carne | as duas primeiras | as 3 primeiras | sem queijo
? <= queijo sem cebola | não quero queijo | 1️⃣3️⃣ | 1 3 99 | 1 e 6 | queijo e xpto | 1 ou 3
? <= as duas | ambas | os dois
- <= 13 | 135 | 1e3 | nenhuma | nenhum | nada | 6 | 0 | qualquer | tanto faz
Queijo, Cebola, roxa, Bacon e ovos <= 1, 2 e 4
Queijo, Cebola, roxa, Cogumelos, Bacon e ovos, 1 kg de carne <= 1,2,3,4,5 | todas | todos | tudo
Queijo, Cebola, roxa, Cogumelos, Bacon e ovos, 1 kg de carne <= todas as opções
Queijo, Cogumelos, Bacon e ovos, 1 kg de carne <= todas menos a 2 | todas, menos 2
Queijo, Cebola, roxa, Cogumelos, 1 kg de carne <= tudo menos bacon
Cebola, roxa, Cogumelos, Bacon e ovos, 1 kg de carne <= todas exceto queijo
Queijo <= queijo | apenas queijo | queijo por favor | um
Queijo, Cebola, roxa <= queijo e cebola roxa | queijo, cebola roxa
Cebola, roxa <= cebola, roxa | só a 2 | somente 2
Bacon e ovos <= bacon e ovos | bacon
Queijo, Bacon e ovos <= bacon e queijo | quero queijo e bacon
1 kg de carne <= 1 kg de carne
Cebola, roxa, Cogumelos <= dois e três
"""
DATES_ES = """
22/11/2026 <= hoy
23/11/2026 <= mañana | mañana por favor
24/11/2026 <= pasado mañana
21/11/2026 <= ayer
27/11/2026 <= el viernes | viernes que viene | próximo viernes | quiero el viernes
05/12/2026 <= el 5 | el día 5
05/03/2027 <= el 5 de marzo | 5 de marzo de 2027 | 05/03 | 05/03/2027 | cinco de marzo
25/11/2026 <= en 3 días
29/11/2026 <= dentro de una semana
- <= la semana que viene
? <= el viernes de la semana que viene | no puedo el 25/12 | 25/12 o 26/12
? <= el sábado o el domingo
25/12/2026 <= veinticinco de diciembre
25/12/1990 <= nací el 25 de diciembre de 1990
"""
TIMES_ES = """
? <= a las 3 | tres y media | 3 menos cuarto
15:00 <= a las 3 de la tarde | 15h | 15:00 | 15 hs
15:15 <= las tres y cuarto de la tarde
20:00 <= las veinte | veinte horas
12:00 <= mediodía
09:00 <= a las 9 por favor | 9 de la mañana
- <= entre las 3 y las 4
"""
NUMBERS_ES = """
1500 <= 1.500
1.5 <= 1,5
1200 <= mil doscientos
25 <= veinticinco
32 <= treinta y dos
2 <= dos
1 <= uno
100 <= cien pesos
50 <= $ 50 | 50 pesos
? <= 2 o 3
- <= una docena
15 <= quince
"""
BUTTONS_ES = """
Quero pizza <= 1 | el primero | uno
Quero esfiha <= la segunda | dos | opción dos
- <= sí | si | no
? <= la pizza
Cancelar pedido <= la última
"""
DATES_EN = """
11/22/2026 <= today
11/23/2026 <= tomorrow | tomorrow please
11/27/2026 <= friday | next friday | this friday
12/05/2026 <= the 5th
03/05/2027 <= March 5 | 5 March | 03/05 | 03/05/2027 | 3/5
11/25/2026 <= in 3 days
11/29/2026 <= next week
? <= not tomorrow | Friday or Saturday | before 5/3 | friday next week
03/05/1990 <= I was born on March 5, 1990
11/20/2026 <= last friday
11/24/2026 <= the day after tomorrow
12/25/2026 <= 12/25
"""
TIMES_EN = """
? <= 3 | at 3 | half past three | 3 o'clock | 2:30 | not before 3pm | 3 or 4pm
15:00 <= 3pm | 3 pm please | 15:00
15:45 <= quarter to four pm
12:00 <= noon
00:00 <= midnight
- <= 3ish | 8 thirty pm
06:00 <= in the morning
11:30 <= 11:30
08:30 <= 8:30am
"""
NUMBERS_EN = """
1500 <= 1,500
1.5 <= 1.5
12 <= twelve
25 <= twenty five
205 <= two hundred and five
- <= a dozen | half
? <= 2 or 3
7 <= about 7 | 7 people
50 <= $50
5 <= five stars
1 <= one
1500.5 <= 1,500.50
"""
BUTTONS_EN = """
Order pizza <= 1 | first | the first
Talk to someone <= the second one | option two | two | 2 please
Cancel <= last
- <= yes | y | no | n | thanks 2
? <= the pizza
"""


def items_of(*labels: str) -> list[dict[str, str]]:
    return [{"id": f"i{place}", "content": label} for place, label in enumerate(labels)]


MENU = items_of("Quero pizza", "Quero esfiha", "Falar com atendente", "Cancelar pedido")
SEVERAL = items_of("Queijo", "Cebola, roxa", "Cogumelos", "Bacon e ovos", "1 kg de carne")
ENGLISH_MENU = items_of("Order pizza", "Talk to someone", "Cancel")
BR, AR, US = ("pt_BR", "BR"), ("es", "AR"), ("en", "US")


@pytest.mark.parametrize(
    ("table", "type_", "people", "options", "items"),
    [
        pytest.param(DATES, "date input", BR, {}, [], id="dates"),
        pytest.param(SPANS, "date input", BR, {"isRange": True}, [], id="spans"),
        pytest.param(
            DATES_AND_TIMES, "date input", BR, {"hasTime": True}, [], id="dates and times"
        ),
        pytest.param(TIMES, "time input", BR, {}, [], id="times"),
        pytest.param(NUMBERS, "number input", BR, {}, [], id="numbers"),
        pytest.param(RATINGS, "rating input", BR, {}, [], id="ratings"),
        pytest.param(PHONES, "phone number input", BR, {}, [], id="phones"),
        pytest.param(EMAILS, "email input", BR, {}, [], id="emails"),
        pytest.param(LINKS, "url input", BR, {}, [], id="links"),
        pytest.param(BUTTONS, "choice input", BR, {}, MENU, id="buttons"),
        pytest.param(YES_OR_NO, "choice input", BR, {}, items_of("Sim", "Não"), id="yes or no"),
        pytest.param(
            TOPPINGS, "choice input", BR, {"isMultipleChoice": True}, SEVERAL, id="toppings"
        ),
        pytest.param(DATES_ES, "date input", AR, {}, [], id="dates es"),
        pytest.param(TIMES_ES, "time input", AR, {}, [], id="times es"),
        pytest.param(NUMBERS_ES, "number input", AR, {}, [], id="numbers es"),
        pytest.param(BUTTONS_ES, "choice input", AR, {}, MENU, id="buttons es"),
        pytest.param(DATES_EN, "date input", US, {"format": "MM/dd/yyyy"}, [], id="dates en"),
        pytest.param(TIMES_EN, "time input", US, {}, [], id="times en"),
        pytest.param(NUMBERS_EN, "number input", US, {}, [], id="numbers en"),
        pytest.param(BUTTONS_EN, "choice input", US, {}, ENGLISH_MENU, id="buttons en"),
    ],
)
def test_what_becomes_of_answers(
    table: str,
    type_: str,
    people: tuple[str, str],
    options: dict[str, Any],
    items: list[dict[str, str]],
) -> None:
    asked = {"id": "in", "type": type_, "options": options, "items": items}
    engine = Asked(type=type_, options=options, items=items, now=NOW.replace(tzinfo=None))
    language, country = people

    def becomes(text: str) -> str:
        found = meaning(asked, Utterance(text=text), now=NOW, country=country, language=language)
        if isinstance(found, AskBack):
            return "?"
        assert isinstance(found, Understood)
        assert found.say.text is not None
        taken = read_reply(engine, Message(text=found.say.text, reply_id=found.say.reply_id))
        if taken is None:
            return "-" if found.say.text == text else f"refused: {found.say.text}"
        return taken.content or ""

    wanted = dict(rows(table))
    assert {text: becomes(text) for text in wanted} == wanted


def rows(table: str) -> Iterator[tuple[str, str]]:
    for line in table.strip().splitlines():
        result, _, answers = line.partition(" <= ")
        for text in answers.split(" | "):
            yield text, result
