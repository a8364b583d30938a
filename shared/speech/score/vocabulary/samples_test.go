package vocabulary

// samples are answers written for these tests as speakers of four levels would give them, to the
// same question: tell me about your work.
var samples = []struct{ name, text string }{
	{"A2", `My name is Ana. I am from Brazil. I work in a shop. It is a big shop in my city. I like my job. I work with my friends.
My friends are nice. In the morning I go to work by bus. I start at nine and I finish at five. I help the people in the shop. They want
to buy clothes and I help. I like people. Sometimes it is very busy and I am tired. After work I go home and I eat with my family. I have
two sisters and one brother. My brother is a student. He is in school. My sisters work in a hotel. On Sunday I go to the park with my
friends. We play football and we eat ice cream. I like to watch TV. I want to work in your company because it is a good company and
I want to learn English. I like English. It is good for my job. My English is not very good but I want to learn. I can work every day. I can
start next week. I like computers too. I have a computer at home and I use it every day. I write to my friends and I watch films.`},
	{"B1", `I'm working in a small company that sells furniture. I started there two years ago, after I finished university. My job is to
answer the customers when they have a problem with their order, and I also write the emails in English because my boss doesn't speak it very
well. I think I'm good at my job because I always listen to people and I try to find a solution. For example, last month a customer was really
angry because her table arrived broken. I called the delivery company and I got her a new one in three days, so she was happy and she even sent
us a message to say thank you. The difficult part is that sometimes there are too many calls and we don't have enough people. In the future
I would like to have more responsibility, maybe to be the leader of a small team. I want to change my job because in my company there is no
possibility to grow, and I would like to use my English more. In my free time I play the guitar and I go hiking with my friends at the weekend.`},
	{"B2", `For the last four years I've been working as a project coordinator for a company which organises conferences. Basically, I'm
responsible for everything from finding the right venue to negotiating prices with our suppliers, and I have to make sure that we don't go
over the budget. What I enjoy most is that no two days are the same: one day I'm discussing catering, and the next I'm trying to calm down a
speaker whose flight has been cancelled. If I had to describe my biggest achievement, I'd probably mention an event we ran last spring. Two weeks
before it opened, the hotel informed us that half of the rooms were being renovated, so we were forced to move six hundred participants to
another building. I suggested splitting the programme between two sites and arranging a shuttle service, and although it was stressful, hardly
anybody complained. I'd say my weakness is that I find it hard to delegate, but I've been attending a course on leadership, and I'm gradually
learning to trust my colleagues. I'm looking for a position with more international exposure, where I could develop a strategy rather than just react.`},
	{"C1", `I've spent the better part of a decade in procurement, most recently overseeing a portfolio of suppliers across a dozen
jurisdictions, so a fair amount of my time goes into reconciling conflicting priorities. When I inherited the department, contracts were being
renewed out of sheer inertia, and nobody had scrutinised the underlying assumptions for years. I commissioned an independent audit, which was
met with some scepticism at first, but it revealed that we were effectively subsidising obsolete equipment. Rather than imposing drastic cuts, I
persuaded the board to phase in a more transparent tendering process, and within eighteen months we'd curbed expenditure by roughly a fifth
without jeopardising quality. That said, I'd be reluctant to take all the credit; the credibility we built with stakeholders hinged on my team's
willingness to have awkward conversations. If anything, the episode taught me that resistance is often a symptom of unacknowledged expertise, and
that you undermine your own authority by brushing it aside. What draws me to this role is the prospect of shaping policy at an earlier stage,
where nuance tends to matter more than sheer persistence.`},
}
